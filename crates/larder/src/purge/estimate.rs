//! [`Estimate`]: what a purge would hit.

/// What a purge would hit if it were made now; see [`Cache::estimate`](crate::Cache::estimate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    pub(super) responses: u64,
    pub(super) bytes: u64,
}

impl Estimate {
    /// Stored responses.
    #[must_use]
    pub const fn responses(&self) -> u64 {
        self.responses
    }

    /// The memory they take, in bytes: heads, bodies and book-keeping.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}
