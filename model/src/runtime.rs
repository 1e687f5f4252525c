//! A runtime that knows what it runs.

use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use shuttle::future::{JoinHandle, spawn};

/// A model awaits all that was spawned: nothing may hang behind its back.
#[derive(Clone, Default)]
pub(crate) struct Handle {
    /// A lock of the standard library: it must not be a point where others go on.
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Handle {
    /// A panic ends the task, and nothing else.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut work = Box::pin(work);
        let task = spawn(poll_fn(move |cx| {
            let polled = panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
            polled.unwrap_or_else(|payload| {
                assert!(payload.is::<Planned>(), "a task failed");
                Poll::Ready(())
            })
        }));
        self.tasks().push(task);
    }

    pub(crate) async fn finish(&self) {
        loop {
            let Some(task) = self.tasks().pop() else {
                return;
            };
            task.await.expect("nobody aborts it");
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a model panics with on purpose.
pub(crate) struct Planned;

/// Runs no panic hook: that is for failures.
pub(crate) fn panic_as_planned() -> ! {
    panic::resume_unwind(Box::new(Planned))
}
