//! How old, and how fresh, what is served is.

use std::time::Duration;

use crate::nanos::Nanos;

/// How old what is served is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    age: Nanos,
    lifetime: Nanos,
}

impl Serving {
    pub(crate) const fn new(age: Nanos, lifetime: Nanos) -> Self {
        Self { age, lifetime }
    }

    /// The same, expired so long ago although its lifetime may not be over: an operator marked it stale.
    /// What expired before that stays as it is.
    #[must_use]
    pub fn expired(self, ago: Duration) -> Self {
        let lifetime = self.lifetime.min(self.age.less(ago.into()));
        Self { lifetime, ..self }
    }

    /// Current age, for the `Age` field.
    #[must_use]
    #[inline]
    pub const fn age(self) -> Duration {
        self.age.get()
    }

    /// Freshness lifetime (RFC 9111 section 4.2.1).
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        self.lifetime.get()
    }

    /// Past its freshness lifetime.
    #[must_use]
    #[inline]
    pub fn is_stale(self) -> bool {
        self.lifetime <= self.age
    }

    /// How long past its freshness lifetime; zero while fresh.
    pub(crate) const fn staleness(self) -> Duration {
        self.age.less(self.lifetime).get()
    }

    /// Seconds of freshness left, negative when past: the lifetime less what `Age` says.
    #[must_use]
    #[inline]
    pub fn ttl(self) -> i64 {
        let seconds = |nanos: Nanos| i64::try_from(nanos.seconds()).unwrap_or(i64::MAX);
        seconds(self.lifetime).saturating_sub(seconds(self.age))
    }
}
