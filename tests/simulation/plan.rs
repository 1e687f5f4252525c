//! How a call of the origin goes, at random.

use std::time::Duration;

use fastrand::Rng;

use crate::exchange::BodyEnd;
use crate::origin::Habit;
use crate::settings::{chance, maybe, millis, pick};
use crate::themes::Theme;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Error,
    /// A 304 that speaks of something else.
    Mismatch,
    Panic,
    Status(u16),
}

pub struct ReadPlan {
    /// It reads the version before it does its work, or after.
    pub early: bool,
    /// None: it never answers.
    pub latency: Option<Duration>,
    pub fault: Option<Fault>,
    pub serves_ranges: bool,
    pub body: BodyPlan,
}

#[derive(Clone, Debug)]
pub struct BodyPlan {
    pub end: BodyEnd,
    /// What share of it comes before it ends otherwise than cleanly.
    pub share: f64,
    pub largest_piece: usize,
    /// Longest pause before a piece, in milliseconds.
    pub pauses: u64,
    pub announced: Announced,
    pub knows_its_length: bool,
    pub trailers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    No,
    Right,
    TooLong,
    TooShort,
}

pub struct WritePlan {
    /// It writes before it does its work, or after.
    pub early: bool,
    pub latency: Option<Duration>,
    pub fault: Option<Fault>,
    pub status: u16,
    /// Another resource that it changes, and the field that says so.
    pub related: Option<(&'static str, usize)>,
    /// A resource whose group it invalidates.
    pub group: Option<usize>,
}

impl ReadPlan {
    pub fn random(rng: &mut Rng, theme: &Theme, habit: &Habit) -> Self {
        Self {
            early: rng.bool(),
            latency: latency(rng, theme, habit.latency),
            fault: chance(rng, theme.errors).then(|| match rng.u8(..10) {
                0..3 => Fault::Error,
                3..5 => Fault::Panic,
                5..6 => Fault::Mismatch,
                _ => Fault::Status(pick(rng, &[500, 502, 503, 504, 505])),
            }),
            serves_ranges: rng.bool(),
            body: BodyPlan::random(rng, theme, habit),
        }
    }
}

impl BodyPlan {
    pub fn empty() -> Self {
        Self {
            end: BodyEnd::Clean,
            share: 1.0,
            largest_piece: 1,
            pauses: 0,
            announced: Announced::No,
            knows_its_length: true,
            trailers: false,
        }
    }

    fn random(rng: &mut Rng, theme: &Theme, habit: &Habit) -> Self {
        let faulty = chance(rng, theme.breaks);
        let end = match rng.u8(..10) {
            _ if !faulty => BodyEnd::Clean,
            0..4 => BodyEnd::Fails,
            4..6 => BodyEnd::Panics,
            6..7 => BodyEnd::Never,
            _ => BodyEnd::Clean,
        };
        let announced = match rng.u8(..8) {
            0..3 => Announced::No,
            3 if faulty => Announced::TooLong,
            4 if faulty => Announced::TooShort,
            _ => Announced::Right,
        };
        let largest = pick(rng, &[16, 300, 5_000, 100_000]);
        Self {
            end,
            share: rng.f64(),
            largest_piece: largest.max(habit.bytes / 16),
            pauses: pick(rng, &[0, 0, 5, 300]),
            announced,
            knows_its_length: end == BodyEnd::Clean && rng.bool(),
            trailers: chance(rng, 0.05),
        }
    }
}

impl WritePlan {
    pub fn random(rng: &mut Rng, theme: &Theme, resources: usize) -> Self {
        let fields = ["content-location", "location"];
        Self {
            early: rng.bool(),
            latency: latency(rng, theme, 100),
            fault: chance(rng, theme.errors + 0.1).then(|| match rng.u8(..4) {
                0 => Fault::Error,
                1 => Fault::Panic,
                _ => Fault::Status(pick(rng, &[403, 409, 500])),
            }),
            status: pick(rng, &[200, 201, 204, 303]),
            related: maybe(rng, 0.2, &fields).map(|field| (field, rng.usize(..resources))),
            group: chance(rng, 0.2).then(|| rng.usize(..resources)),
        }
    }
}

fn latency(rng: &mut Rng, theme: &Theme, usual: u64) -> Option<Duration> {
    if chance(rng, theme.slow * 0.2) {
        None
    } else if chance(rng, theme.slow) {
        Some(millis(rng.u64(..20_000)))
    } else if chance(rng, 0.2) {
        Some(Duration::ZERO)
    } else {
        Some(millis(rng.u64(..=usual)))
    }
}
