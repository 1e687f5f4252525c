//! [`ResponseFuture`]: an answer that is there, a boxed drive, or a plain forward.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::{BypassReason, Policy};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::ResponseBody;

pin_project! {
    /// Response future of [`CacheService`](crate::CacheService).
    pub struct ResponseFuture<S, B, C>
    where
        S: Service<Request<B>>,
        C: Body,
    {
        #[pin]
        state: State<S, B, C, S::Future>,
    }
}

type Driven<C, E> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<C>>, E>> + Send>>;

pin_project! {
    #[project = StateProj]
    enum State<S, B, C, F>
    where
        S: Service<Request<B>>,
        C: Body,
    {
        Answer { response: Option<Response<ResponseBody<C>>> },
        Drive { driven: Driven<C, S::Error> },
        Ready {
            inner: S,
            request: Option<Request<B>>,
            policy: Option<Arc<Policy>>,
            reason: BypassReason,
        },
        Forward {
            #[pin]
            future: F,
            policy: Arc<Policy>,
            reason: BypassReason,
        },
    }
}

impl<S, B, C> ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    pub(crate) fn answer(response: Response<ResponseBody<C>>) -> Self {
        Self {
            state: State::Answer {
                response: Some(response),
            },
        }
    }

    pub(crate) fn drive(
        driven: impl Future<Output = Result<Response<ResponseBody<C>>, S::Error>> + Send + 'static,
    ) -> Self {
        Self {
            state: State::Drive {
                driven: Box::pin(driven),
            },
        }
    }

    /// Forwards a request that the cache takes no part in.
    pub(crate) fn forward(
        inner: S,
        request: Request<B>,
        policy: Arc<Policy>,
        reason: BypassReason,
    ) -> Self {
        let (request, policy) = (Some(request), Some(policy));
        Self {
            state: State::Ready {
                inner,
                request,
                policy,
                reason,
            },
        }
    }
}

impl<S, B, C> Future for ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    type Output = Result<Response<ResponseBody<C>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Answer { response } => {
                    return response
                        .take()
                        .map_or(Poll::Pending, |r| Poll::Ready(Ok(r)));
                }
                StateProj::Drive { driven } => return driven.as_mut().poll(cx),
                StateProj::Ready {
                    inner,
                    request,
                    policy,
                    reason,
                } => {
                    ready!(inner.poll_ready(cx))?;
                    let (Some(request), Some(policy)) = (request.take(), policy.take()) else {
                        return Poll::Pending;
                    };
                    let next = State::Forward {
                        future: inner.call(request),
                        policy,
                        reason: *reason,
                    };
                    state.set(next);
                }
                StateProj::Forward {
                    future,
                    policy,
                    reason,
                } => {
                    let mut response = ready!(future.poll(cx))?;
                    if policy.writes_cache_status() {
                        CacheStatus::forward(ForwardReason::Bypass)
                            .detail(reason.as_str())
                            .append(response.headers_mut(), policy.name());
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
            }
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
