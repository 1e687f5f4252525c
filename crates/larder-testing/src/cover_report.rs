//! [`CoverReport`]: what changes a route's answer and is not part of its key.

use std::fmt;

use larder::policy::key::{Input, InputKind};

use crate::difference::Difference;

/// What [`KeyCover`](crate::KeyCover) found. As text, a line for each missing input.
#[derive(Debug, Clone)]
pub struct CoverReport {
    pub(crate) route: String,
    pub(crate) missing: Vec<Missing>,
}

impl CoverReport {
    /// The route, by its name.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The inputs that the key misses.
    #[must_use]
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Whether the key misses nothing.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.missing.is_empty()
    }
}

impl fmt::Display for CoverReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let route = &self.route;
        if self.missing.is_empty() {
            return write!(f, "{route}: nothing that was tried changes the answer");
        }
        for (number, missing) in self.missing.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let Missing {
                input,
                differs,
                withheld,
            } = missing;
            let verb = if input.kind() == InputKind::Header && input.name() == "origin" {
                "do it outside the cache"
            } else {
                "do not read it"
            };
            write!(
                f,
                "{input} changes the answer of {route} (its {differs}) but is not in its key: \
                 declare it ({}) or {verb}. ",
                advice(input)
            )?;
            f.write_str(if *withheld {
                "The handler does not see it on a miss: everybody gets the answer made without it"
            } else {
                "One request can be given what was made for another"
            })?;
        }
        Ok(())
    }
}

/// An input that the key misses.
#[derive(Debug, Clone)]
pub struct Missing {
    pub(crate) input: Input,
    pub(crate) differs: Difference,
    pub(crate) withheld: bool,
}

impl Missing {
    /// The input. An identity is an extension by the name of its type.
    #[must_use]
    pub const fn input(&self) -> &Input {
        &self.input
    }

    /// The request is narrowed: the handler does not see the input on a miss, so that nobody gets
    /// another's answer, but everybody one that was made without it.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        self.withheld
    }
}

/// How an input becomes part of a key.
fn advice(input: &Input) -> &'static str {
    match (input.kind(), input.name()) {
        (InputKind::Cookie, _) => "`Key::cookie`, or `RoutePolicy::per_user` for a session",
        (InputKind::Extension, _) => "`RoutePolicy::per_user` and its kind, or `Key::extension`",
        (InputKind::Header, "accept-language") => "`Key::languages` or `Key::header`",
        (InputKind::Header, "accept-encoding") => "`Key::encodings`, or compress outside the cache",
        (InputKind::Header, "authorization") => "`RoutePolicy::per_user` and its kind",
        (InputKind::Header, "dnt" | "save-data" | "sec-ch-ua-mobile" | "x-requested-with") => {
            "`Key::header_flag` or `Key::header`"
        }
        (InputKind::Header, "user-agent") => "`Key::header_with`, for the few kinds that matter",
        (InputKind::Path, _) => "`Key::new` instead of `Key::route`",
        (InputKind::Query, _) => "`Key::query`",
        _ => "`Key::header`",
    }
}
