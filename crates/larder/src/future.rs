//! [`ResponseFuture`]: an answer that is there, or a boxed drive.
//!
//! The inner service's future is never in it: a hit would move that much more memory for nothing.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::berth::Berth;
use crate::body::ResponseBody;

/// Response future of [`CacheService`](crate::CacheService).
///
/// Dropped before it is ready, it may leave work behind: a response that others wait for, or that is
/// to be stored, is fetched to its end in the background, and so is a write finished.
pub struct ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
    C: Body,
{
    state: State<Result<Response<ResponseBody<C>>, S::Error>>,
    request: PhantomData<fn(B)>,
}

enum State<T> {
    Answer(Option<T>),
    Drive(Drive<T>),
}

/// Neither an answer nor a box is pinned in place.
impl<S, B, C> Unpin for ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
    C: Body,
{
}

impl<S, B, C> ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Error: 'static,
    C: Body + 'static,
{
    pub(crate) fn answer(response: Response<ResponseBody<C>>) -> Self {
        Self {
            state: State::Answer(Some(Ok(response))),
            request: PhantomData,
        }
    }

    pub(crate) fn drive(
        driven: impl Future<Output = Result<Response<ResponseBody<C>>, S::Error>> + Send + 'static,
        berth: Option<Arc<Berth>>,
    ) -> Self {
        Self {
            state: State::Drive(Drive::new(driven, berth)),
            request: PhantomData,
        }
    }
}

impl<S, B, C> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    type Output = Result<Response<ResponseBody<C>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Answer(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            State::Drive(drive) => drive.poll(cx),
        }
    }
}

/// A drive that can be finished without its client.
pub(crate) struct Drive<T> {
    /// Empty while it is polled, so that nobody goes on with what panicked, and once it is done.
    driven: Option<Driven<T>>,
    finish: Option<Finish<T>>,
}

type Driven<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Finish<T> {
    berth: Arc<Berth>,
    with: fn(&Berth, Driven<T>),
}

impl<T> Drive<T> {
    pub(crate) fn new(
        driven: impl Future<Output = T> + Send + 'static,
        berth: Option<Arc<Berth>>,
    ) -> Self
    where
        T: 'static,
    {
        let finish = berth.map(|berth| Finish {
            berth,
            with: Berth::finish,
        });
        Self {
            driven: Some(Box::pin(driven)),
            finish,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let Some(mut driven) = self.driven.take() else {
            return Poll::Pending;
        };
        let polled = driven.as_mut().poll(cx);
        if polled.is_pending() {
            self.driven = Some(driven);
        }
        polled
    }
}

impl<T> Drop for Drive<T> {
    fn drop(&mut self) {
        if let (Some(driven), Some(finish)) = (self.driven.take(), &self.finish) {
            (finish.with)(&finish.berth, driven);
        }
    }
}

impl<S, B, C> fmt::Debug for ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
    C: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
