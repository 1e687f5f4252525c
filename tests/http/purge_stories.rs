//! The ways in which a response comes about, each of which a purge may meet.

use larder::{CacheLayer, EarlyRefresh};

use crate::purge_stage::Point;
use crate::scene::millis;

type Fields = &'static [(&'static str, &'static str)];

/// How a response comes about.
#[derive(Clone, Copy)]
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) fields: Fields,
    pub(crate) layer: fn(CacheLayer) -> CacheLayer,
    /// Seconds since another was stored, if one is.
    pub(crate) stored: Option<u64>,
    /// It has changed since.
    pub(crate) changed: bool,
    pub(crate) fails: bool,
    /// Conditions are not heeded.
    pub(crate) full: bool,
    /// One validator is that of all versions.
    pub(crate) vague: bool,
    pub(crate) method: &'static str,
    /// Its clients have waited so long, in milliseconds.
    pub(crate) waited: u64,
    pub(crate) points: &'static [Point],
}

const PLAIN: Fields = &[("cache-control", "max-age=60"), ("etag", "")];
const WINDOW: Fields = &[
    ("cache-control", "max-age=60, stale-while-revalidate=600"),
    ("etag", ""),
];
const ON_ERROR: Fields = &[
    ("cache-control", "max-age=60, stale-if-error=600"),
    ("etag", ""),
];
const NO_VALIDATOR: Fields = &[("cache-control", "max-age=60")];

const HEADS: &[Point] = &[Point::Ready, Point::Call, Point::Head];
const ALL: &[Point] = &[
    Point::Ready,
    Point::Call,
    Point::Head,
    Point::First,
    Point::Middle,
    Point::Last,
    Point::End,
];

pub(crate) const FILL: Story = Story {
    name: "fill",
    fields: PLAIN,
    layer: |layer| layer,
    stored: None,
    changed: false,
    fails: false,
    full: false,
    vague: false,
    method: "GET",
    waited: 0,
    points: ALL,
};

pub(crate) const VALIDATION: Story = Story {
    name: "validation",
    stored: Some(61),
    points: HEADS,
    ..FILL
};

pub(crate) const REFRESH: Story = Story {
    name: "refresh in the background",
    fields: WINDOW,
    ..VALIDATION
};

pub(crate) const EARLY: Story = Story {
    name: "early refresh",
    layer: |layer| layer.with_early_refresh(EarlyRefresh::after_percent(50)),
    stored: Some(45),
    ..VALIDATION
};

pub(crate) const BEHIND: Story = Story {
    name: "finished behind",
    fields: ON_ERROR,
    layer: |layer| layer.with_soft_timeout(millis(50)),
    waited: 51,
    // Others are answered in time.
    points: &[Point::Ready, Point::Head],
    ..VALIDATION
};

pub(crate) const FAILURE: Story = Story {
    name: "failure",
    fields: ON_ERROR,
    fails: true,
    ..VALIDATION
};

pub(crate) const HEAD: Story = Story {
    name: "head",
    method: "HEAD",
    ..VALIDATION
};

pub(crate) const fn changed(name: &'static str, story: Story) -> Story {
    Story {
        name,
        changed: true,
        points: ALL,
        ..story
    }
}

pub(crate) const fn without_validator(name: &'static str, story: Story) -> Story {
    Story {
        name,
        fields: NO_VALIDATOR,
        ..story
    }
}
