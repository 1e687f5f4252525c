//! What happened in a schedule, to be printed where it failed.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

#[derive(Clone, Default)]
pub(super) struct Story(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// When the first was told.
    begun: Option<Instant>,
    text: String,
}

impl Story {
    pub(super) fn tell(&self, event: fmt::Arguments<'_>) {
        let mut lines = self.0.lock().unwrap();
        let begun = *lines.begun.get_or_insert_with(Instant::now);
        let seconds = begun.elapsed().as_secs_f64();
        writeln!(lines.text, "{seconds:>8.3}  {event}").unwrap();
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().text.clone()
    }
}
