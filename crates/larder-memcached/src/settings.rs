//! What is set by the builder and read by the rest.

use std::time::Duration;

/// All settings that are not about connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// How often the log is asked.
    pub(crate) poll_every: Duration,
    /// How long a record is kept.
    pub(crate) retain: Duration,
    /// How long a record that should be there is waited for.
    pub(crate) gap_wait: Duration,
    /// How many records a node reads that begins.
    pub(crate) longest_replay: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_millis(250),
            retain: Duration::from_secs(24 * 60 * 60),
            gap_wait: Duration::from_millis(250),
            longest_replay: 16_384,
        }
    }
}
