//! The way of a request that has to be forwarded, top to bottom: call the inner service, ask the
//! policy what its response means, keep what may be kept, answer.

use std::future::poll_fn;
use std::sync::Arc;

use http::{Request, Response, StatusCode, request};
use http_body::Body;
use larder_policy::fields::CacheStatus;
use larder_policy::{Exchange, Validation};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::context::Context;
use crate::entry::{Birth, Entry};
use crate::job::{Fetch, Job, Sent};
use crate::keep::Arrived;
use crate::reply;

/// Fetches what is not stored, or validates what is.
pub(crate) async fn drive<S, B, C>(
    context: Arc<Context>,
    inner: S,
    request: Request<B>,
    fetch: Fetch,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>>,
    B: Body + Default,
    C: Body,
{
    let sent = Sent::of(&context, &request);
    let mut drive = Drive {
        inner,
        job: Job {
            context,
            sent,
            fetch,
        },
    };
    match drive.job.fetch.stored.clone() {
        Some((key, entry)) => drive.validate(request, key, entry).await,
        None => drive.fetch(request).await,
    }
}

struct Drive<S> {
    inner: S,
    job: Job,
}

impl<S> Drive<S> {
    async fn fetch<B, C>(
        &mut self,
        request: Request<B>,
    ) -> Result<Response<ResponseBody<C>>, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
        C: Body,
    {
        let arrived = self.exchange(request).await;
        let arrived = arrived.inspect_err(|_| self.job.failed())?;
        Ok(self
            .job
            .keep(arrived, CacheStatus::forward(self.job.fetch.reason)))
    }

    async fn validate<B, C>(
        &mut self,
        request: Request<B>,
        key: Arc<[u8]>,
        entry: Arc<Entry>,
    ) -> Result<Response<ResponseBody<C>>, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
    {
        let (mut parts, body) = request.into_parts();
        let again = parts.clone();
        let policy = Arc::clone(&self.job.context.policy);
        policy.condition(&entry.head, &mut parts.headers);
        let arrived = match self.exchange(Request::from_parts(parts, body)).await {
            Ok(arrived) => arrived,
            Err(error) => {
                let stale = self.job.stale(&entry, None);
                return stale.ok_or(error).inspect_err(|_| self.job.failed());
            }
        };
        let job = &self.job;
        let response = &arrived.response;
        let (status, headers) = (response.status(), response.headers());
        let answered = CacheStatus::forward(job.fetch.reason).fwd_status(status);
        match policy.validated(&entry.head, status, headers) {
            Validation::Freshen if !job.is_too_large(headers) => {
                Ok(job.freshen(&key, &entry, &arrived))
            }
            Validation::Freshen | Validation::Mismatch => {
                job.context.cache.shared().memory.remove(&key, &entry);
                self.retry(again).await
            }
            Validation::Failed => Ok(job
                .stale(&entry, Some(status))
                .unwrap_or_else(|| job.relay(arrived, &answered))),
            Validation::Relay => Ok(job.relay(arrived, &answered)),
            _ => {
                job.supersede(&key, &entry, &arrived);
                Ok(job.keep(arrived, answered))
            }
        }
    }

    /// The 304 spoke of something else, or said more than may be kept: ask again, without
    /// conditions.
    async fn retry<B, C>(
        &mut self,
        mut parts: request::Parts,
    ) -> Result<Response<ResponseBody<C>>, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
    {
        self.job.context.policy.uncondition(&mut parts.headers);
        let arrived = self
            .exchange(Request::from_parts(parts, B::default()))
            .await;
        let arrived = arrived.inspect_err(|_| self.job.failed())?;
        let status = arrived.response.status();
        if status == StatusCode::NOT_MODIFIED {
            self.job.failed();
            return Ok(reply::local(StatusCode::BAD_GATEWAY));
        }
        let answered = CacheStatus::forward(self.job.fetch.reason).fwd_status(status);
        Ok(self.job.keep(arrived, answered))
    }

    /// One call of the inner service. The stamp and the time are taken before it: what is purged
    /// from here on this response cannot outlive, and the service's working time is age.
    async fn exchange<B, C>(&mut self, request: Request<B>) -> Result<Arrived<C>, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
    {
        poll_fn(|cx| self.inner.poll_ready(cx)).await?;
        let shared = self.job.context.cache.shared();
        let birth = Birth {
            position: shared.stamps.position(),
            url: self.job.fetch.url,
        };
        let request_time = shared.clock.now();
        let response = self.inner.call(request).await?;
        let times = Exchange {
            request_time,
            response_time: shared.clock.now(),
        };
        Ok(Arrived {
            response,
            birth,
            times,
        })
    }
}
