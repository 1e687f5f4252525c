//! What the origin says of a response.

use fastrand::Rng;

use crate::origin::{Asked, Habit, Kind, Shield};
use crate::settings::{Settings, chance, maybe};

pub struct Says {
    pub cache_control: Option<String>,
    pub vary: Option<&'static str>,
    pub sets_cookie: bool,
    /// In the request's language.
    pub by_language: bool,
    /// Nobody else may have it.
    pub alone: bool,
    pub no_cache: bool,
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
            cache_control: (!words.is_empty()).then(|| words.join(", ")),
            vary,
            sets_cookie,
            by_language,
        }
    }
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
