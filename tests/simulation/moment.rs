//! When something happened.

use std::time::Duration;

/// A point of a schedule. Those at the same instant have an order, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub order: u64,
    pub at: Duration,
}
