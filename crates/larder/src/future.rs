//! [`ResponseFuture`]: an answer that is there, or a boxed drive.
//!
//! The inner service's future is never in it: a hit would move that much more memory for nothing.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::ResponseBody;

/// Response future of [`CacheService`](crate::CacheService).
pub struct ResponseFuture<S, B, C>
where
    S: Service<Request<B>>,
    C: Body,
{
    state: State<C, S::Error>,
    request: PhantomData<fn(B)>,
}

type Driven<C, E> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<C>>, E>> + Send>>;

enum State<C: Body, E> {
    Answer(Option<Response<ResponseBody<C>>>),
    Drive(Driven<C, E>),
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
    C: Body,
{
    pub(crate) fn answer(response: Response<ResponseBody<C>>) -> Self {
        Self {
            state: State::Answer(Some(response)),
            request: PhantomData,
        }
    }

    pub(crate) fn drive(
        driven: impl Future<Output = Result<Response<ResponseBody<C>>, S::Error>> + Send + 'static,
    ) -> Self {
        Self {
            state: State::Drive(Box::pin(driven)),
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
            State::Answer(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            State::Drive(driven) => driven.as_mut().poll(cx),
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
