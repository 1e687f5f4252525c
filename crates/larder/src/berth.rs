//! [`Berth`]: where a request's client can be seen to leave.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::cache::Cache;
use crate::landing::Flight;

/// Set once its request leads a flight, or is a write that the inner service was called for. When the
/// client leaves, the work goes on in the background if it is wanted.
#[derive(Debug)]
pub(crate) struct Berth {
    cache: Cache,
    finish_on_disconnect: bool,
    flight: OnceLock<Arc<Flight>>,
    /// The inner service works on a write.
    writes: AtomicBool,
}

impl Berth {
    pub(crate) fn new(cache: Cache, finish_on_disconnect: bool) -> Self {
        Self {
            cache,
            finish_on_disconnect,
            flight: OnceLock::new(),
            writes: AtomicBool::new(false),
        }
    }

    /// The request leads this flight.
    pub(crate) fn lead(&self, flight: &Arc<Flight>) {
        let _ = self.flight.set(Arc::clone(flight));
    }

    /// The inner service is called for a write: it is not known what has come of it until it answers.
    pub(crate) fn set_writing(&self) {
        self.writes.store(true, Ordering::Relaxed);
    }

    /// The client has left: finishes what was begun, if it is wanted. What only stands in line for
    /// the inner service is not begun, and makes room for those who are still there.
    pub(crate) fn finish<T>(&self, work: Pin<Box<dyn Future<Output = T> + Send>>)
    where
        T: 'static,
    {
        let wanted = |flight: &Arc<Flight>| {
            flight.has_followers() || (self.finish_on_disconnect && flight.mark().is_called())
        };
        let writes = self.finish_on_disconnect && self.writes.load(Ordering::Relaxed);
        if writes || self.flight.get().is_some_and(wanted) {
            let background = &self.cache.shared().background;
            // When there is too much already it is dropped.
            if let Some(place) = background.place() {
                background.run(place, work);
            }
        }
    }
}
