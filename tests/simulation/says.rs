//! What the origin says of a response.

use std::time::Duration;

use fastrand::Rng;
use http::Response;
use http::response::Builder;

use crate::origin::{Asked, Habit, Kind, Shield};
use crate::settings::{Settings, chance, maybe, secs};

pub struct Says {
    pub cache_control: Option<String>,
    pub vary: Option<&'static str>,
    pub sets_cookie: bool,
    /// In the request's language.
    pub by_language: bool,
    /// Nobody else may have it.
    pub alone: bool,
    pub no_cache: bool,
    /// At this age nobody else may have it any more.
    pub until: Duration,
    /// The part of that after it has expired.
    pub windows: Duration,
}

impl Says {
    /// `own` is whether the cache holds a copy for this user alone.
    pub fn random(
        rng: &mut Rng,
        habit: &Habit,
        asked: &Asked,
        settings: &Settings,
        own: bool,
    ) -> Self {
        let by_language = habit.kind == Kind::Varied && chance(rng, 0.9);
        let mut words = Vec::new();
        let vary = match habit.kind {
            Kind::Personal(shield) => shielded(rng, shield, asked.user.is_some(), &mut words),
            _ => {
                words.extend(word(rng));
                by_language.then_some("accept-language")
            }
        };
        if chance(rng, 0.95) {
            words.push(format!("max-age={}", habit.max_age));
        }
        let (fresh, windows) = ages(habit, settings, &words, own);
        if let Some(window) = habit.stale_while_revalidate {
            words.push(format!("stale-while-revalidate={window}"));
        }
        if let Some(window) = habit.stale_if_error {
            words.push(format!("stale-if-error={window}"));
        }
        let has = |word: &str| words.iter().any(|said| said.starts_with(word));
        let sets_cookie = chance(rng, 0.03);
        let public = has("public") || has("s-maxage");
        let alone = asked.no_store
            || has("no-store")
            || (!own
                && (has("private")
                    || (asked.authorization && !public && !has("must-revalidate"))
                    || (asked.cookie && !settings.conformance && !public)));
        Self {
            alone,
            no_cache: has("no-cache"),
            until: fresh + windows,
            windows,
            cache_control: (!words.is_empty()).then(|| words.join(", ")),
            vary,
            sets_cookie,
            by_language,
        }
    }

    pub fn fields(&self, exchange: usize) -> Builder {
        let mut builder = Response::builder();
        if let Some(value) = &self.cache_control {
            builder = builder.header("cache-control", value);
        }
        if let Some(value) = self.vary {
            builder = builder.header("vary", value);
        }
        if self.sets_cookie {
            builder = builder.header("set-cookie", format!("seen={exchange}"));
        }
        builder
    }
}

/// How long it is fresh, and how long after that it may be served.
fn ages(habit: &Habit, settings: &Settings, words: &[String], own: bool) -> (Duration, Duration) {
    let has = |word: &str| words.iter().any(|said| said.starts_with(word));
    let shared_only = has("s-maxage") && !own;
    let stated = if shared_only {
        Some(secs(2))
    } else {
        has("max-age").then_some(secs(habit.max_age))
    };
    let fresh = match (stated, settings.lifetime) {
        (Some(stated), Some(most)) => stated.min(most),
        (stated, most) => stated.or(most).unwrap_or_default(),
    };
    if has("must-revalidate") || shared_only {
        return (fresh, Duration::ZERO);
    }
    let validating = habit.stale_while_revalidate.map(secs);
    let failing = habit.stale_if_error.map(secs);
    let windows = [
        validating.or(settings.stale_while_revalidate),
        failing.or(settings.stale_if_error),
        settings.grace,
        (settings.conformance && !own).then_some(secs(24 * 3600)),
    ];
    (
        fresh,
        windows.into_iter().flatten().max().unwrap_or_default(),
    )
}

/// A directive now and then.
fn word(rng: &mut Rng) -> Option<String> {
    let words = [
        "must-revalidate",
        "no-cache",
        "no-store",
        "private",
        "public",
        "public",
        "s-maxage=2",
    ];
    maybe(rng, 0.25, &words).map(str::to_owned)
}

fn shielded(
    rng: &mut Rng,
    shield: Shield,
    personal: bool,
    words: &mut Vec<String>,
) -> Option<&'static str> {
    match shield {
        Shield::Vary => {
            words.push("public".to_owned());
            return Some("cookie, authorization");
        }
        Shield::NoStore if personal => words.push("no-store".to_owned()),
        Shield::Private if personal => words.push("private".to_owned()),
        Shield::Credentials if personal => {}
        _ => words.extend(word(rng)),
    }
    None
}
