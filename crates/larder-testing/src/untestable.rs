//! [`Untestable`]: why a test could not say anything.

use std::error::Error;
use std::fmt;

use http::request::Parts;

use crate::difference::Difference;

/// The test could not be made: nothing was shown, neither good nor bad.
#[derive(Debug, Clone)]
pub struct Untestable(String);

impl Untestable {
    pub(crate) fn failed(parts: &Parts, error: &dyn fmt::Debug) -> Self {
        Self(format!(
            "{}: the application failed: {error:?}",
            line(parts)
        ))
    }

    pub(crate) fn no_cache(parts: &Parts) -> Self {
        Self(format!(
            "{}: no cache answered the probe: the route has none, a layer outside it answered \
             instead, or one drops the extensions of responses",
            line(parts)
        ))
    }

    pub(crate) fn not_deterministic(route: &str, difference: &Difference) -> Self {
        Self(format!(
            "the answer of {route} is not deterministic: asked twice for the same, it differed in \
             its {difference}. Exclude what differs by itself (`ignore_header`, \
             `compare_body_with`), or make it stand still in tests"
        ))
    }

    pub(crate) fn not_stored(route: &str, reason: &str) -> Self {
        let hint = match reason {
            "no-identity" => "; put an identity into the request, or use `identity`",
            "undeclared-extension" => {
                "; say what its extensions are: `Key::extension`, `CacheBuilder::identity`, \
                 `CacheBuilder::neutral_extension`"
            }
            "useless" => "; it has neither a lifetime nor a validator",
            _ => "",
        };
        Self(format!(
            "nothing can be said of {route}: its answer to this request is not stored \
             ({reason}){hint}"
        ))
    }

    pub(crate) fn setting(what: &str, value: &str, why: &str) -> Self {
        Self(format!("{what}: {value:?} {why}"))
    }
}

/// A test that shows nothing is a test that fails.
#[expect(clippy::panic, reason = "so do tests fail")]
pub(crate) fn or_panic<T>(checked: Result<T, Untestable>) -> T {
    checked.unwrap_or_else(|untestable| panic!("{untestable}"))
}

impl fmt::Display for Untestable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Untestable {}

fn line(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}
