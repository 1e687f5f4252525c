//! How a layer fills the store: who waits for whom, and for how long.

use std::time::Duration;

use crate::early::EarlyRefresh;

/// Settings of a layer; see `CacheLayer`'s methods for units and defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    pub(crate) collapse: bool,
    pub(crate) early_refresh: EarlyRefresh,
    pub(crate) finish_on_disconnect: bool,
    pub(crate) hard_timeout: Option<Duration>,
    /// Share of the lifetime by which it is at most shortened.
    pub(crate) jitter: f64,
    pub(crate) soft_timeout: Option<Duration>,
}

impl Default for Filling {
    fn default() -> Self {
        Self {
            collapse: true,
            early_refresh: EarlyRefresh::off(),
            finish_on_disconnect: true,
            hard_timeout: None,
            jitter: 0.0,
            soft_timeout: None,
        }
    }
}

impl Filling {
    pub(crate) fn set_jitter(&mut self, percent: u8) {
        self.jitter = f64::from(percent.min(100)) / 100.0;
    }

    /// How much of its lifetime this response is to lose.
    pub(crate) fn lost_share(&self) -> Option<f64> {
        (self.jitter > 0.0).then(|| fastrand::f64() * self.jitter)
    }
}
