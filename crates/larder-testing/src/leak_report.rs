//! [`LeakReport`]: who was given what was not theirs.

use std::fmt;

/// What [`NoLeak`](crate::NoLeak) found. As text, a line for each leak.
#[derive(Debug, Clone, Default)]
pub struct LeakReport {
    pub(crate) leaks: Vec<Leak>,
}

impl LeakReport {
    /// What was found, in the order in which it was asked for.
    #[must_use]
    pub fn leaks(&self) -> &[Leak] {
        &self.leaks
    }

    /// Whether nobody was given what was not theirs.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }
}

impl fmt::Display for LeakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("nobody was given what was not theirs");
        }
        for (number, leak) in self.leaks.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{leak}")?;
        }
        Ok(())
    }
}

/// Somebody was given what was not theirs.
#[derive(Debug, Clone)]
pub struct Leak {
    pub(crate) route: String,
    pub(crate) asker: String,
    pub(crate) given: Given,
    /// What `Cache-Status` said.
    pub(crate) served: String,
}

/// What somebody was given.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// Something that tells of another user, and that the cache would not have to do with.
    ByHandler { whose: String, what: String },
    /// What the handler makes of declared inputs, which is not what it makes of the whole request.
    Narrowed { differs: String },
    /// Another answer than without the cache.
    Other { differs: String, after: String },
    Secret {
        whose: String,
        what: String,
        place: String,
    },
}

impl Leak {
    /// The route, by its name.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The name of the user who was given it.
    #[must_use]
    pub fn asker(&self) -> &str {
        &self.asker
    }

    /// The name of the user whose secret it is; `None` where the answer was wrong in another way.
    #[must_use]
    pub fn whose(&self) -> Option<&str> {
        match &self.given {
            Given::ByHandler { whose, .. } | Given::Secret { whose, .. } => Some(whose),
            Given::Narrowed { .. } | Given::Other { .. } => None,
        }
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            route,
            asker,
            given,
            served,
        } = self;
        match given {
            Given::Secret { whose, what, place } => write!(
                f,
                "{route}: {asker} was given the {what} of {whose}, in the {place}"
            ),
            Given::ByHandler { whose, what } => write!(
                f,
                "{route}: {asker} is given the {what} of {whose} also without the cache: the \
                 handler or a layer does it, or the secret is too short to tell"
            ),
            Given::Narrowed { differs } => write!(
                f,
                "{route}: {asker} is given another answer than without the cache ({differs}): the \
                 handler depends on something that the key does not declare, and does not see it on \
                 a miss"
            ),
            Given::Other { differs, after } => write!(
                f,
                "{route}: after {after}, {asker} was given another answer than without the cache \
                 ({differs})"
            ),
        }?;
        write!(f, "; Cache-Status: {served}")
    }
}
