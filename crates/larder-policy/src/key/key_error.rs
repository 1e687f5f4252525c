//! What can be wrong with a declared key.

use std::error::Error;
use std::fmt;

/// A name that was declared cannot be one. Names the setting and the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    setting: &'static str,
    what: Box<str>,
}

impl KeyError {
    pub(super) fn new(setting: &'static str, what: impl fmt::Display) -> Self {
        let what = what.to_string().into();
        Self { setting, what }
    }

    fn named(setting: &'static str, name: &str, what: &str) -> Self {
        Self::new(setting, format_args!("{name:?} {what}"))
    }

    pub(super) fn cookie(name: &str) -> Self {
        Self::named("cookie", name, "is not the name of a cookie")
    }

    pub(super) fn header(setting: &'static str, name: &str) -> Self {
        Self::named(setting, name, "is not the name of a header field")
    }

    pub(super) fn parameter(setting: &'static str, name: &str) -> Self {
        let what = "is not a parameter name, with at most one `*`, at its end";
        Self::named(setting, name, what)
    }

    pub(super) fn repeated(setting: &'static str, name: &str) -> Self {
        Self::named(setting, name, "is declared twice")
    }

    pub(super) fn two_ways(name: &str) -> Self {
        Self::named("and", name, "is declared in two ways")
    }

    /// The method of [`Key`](super::Key) that was given the name.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key::{}: {}", self.setting, self.what)
    }
}

impl Error for KeyError {}
