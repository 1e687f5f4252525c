//! Work that no client waits for: bounded in number, and in time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::timer::Timer;

/// Starts background work.
#[derive(Debug)]
pub(crate) struct Background {
    places: Arc<Semaphore>,
    timer: Arc<Timer>,
    within: Duration,
}

impl Background {
    pub(crate) fn new(limit: usize, within: Duration, timer: Arc<Timer>) -> Self {
        let places = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self {
            places,
            timer,
            within,
        }
    }

    /// How long work may take once no client waits for it.
    pub(crate) fn within(&self) -> Duration {
        self.within
    }

    /// A place among the background work, until it is dropped. `None`: too much is running already,
    /// or there is no runtime.
    pub(crate) fn place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let runtime = Handle::try_current().ok()?;
        Some(Place { permit, runtime })
    }

    /// Runs this to its end, or for as long as background work may take.
    pub(crate) fn run<F>(&self, place: Place, work: F)
    where
        F: Future + Send + 'static,
    {
        let (within, timer) = (self.within, Arc::clone(&self.timer));
        let Place { permit, runtime } = place;
        runtime.spawn(async move {
            // What it was waiting for is dropped here, and whoever follows is freed.
            let done = timer.timeout(within, work).await;
            // A body that is still to come takes the place next.
            drop(permit);
            drop(done);
        });
    }
}

/// See [`Background::place`].
#[derive(Debug)]
pub(crate) struct Place {
    permit: OwnedSemaphorePermit,
    runtime: Handle,
}
