//! [`InvalidateFuture`]: the inner service's own, or a boxed write.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::berth::Berth;
use crate::future::Drive;

pin_project! {
    /// Response future of [`InvalidateService`](crate::InvalidateService).
    ///
    /// Dropped before it is ready, it may leave a write behind that is finished in the background.
    pub struct InvalidateFuture<F: Future> {
        #[pin]
        state: State<F, F::Output>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F, T> {
        Pass { #[pin] called: F },
        Write { drive: Drive<T> },
    }
}

impl<F: Future> InvalidateFuture<F> {
    pub(super) fn pass(called: F) -> Self {
        let state = State::Pass { called };
        Self { state }
    }

    pub(super) fn drive(
        driven: impl Future<Output = F::Output> + Send + 'static,
        berth: Arc<Berth>,
    ) -> Self
    where
        F::Output: 'static,
    {
        let drive = Drive::new(driven, Some(berth));
        let state = State::Write { drive };
        Self { state }
    }
}

impl<F: Future> Future for InvalidateFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            Projected::Pass { called } => called.poll(cx),
            Projected::Write { drive } => drive.poll(cx),
        }
    }
}

impl<F: Future> fmt::Debug for InvalidateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidateFuture").finish_non_exhaustive()
    }
}
