//! Calling the inner service, asking the policy what its response means, and keeping what may be kept.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response, StatusCode, request};
use http_body::Body;
use larder_policy::{Exchange, Validation};
use tower_service::Service;
use tracing::Instrument;

use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::entry::{Birth, Entry};
use crate::job::Job;
use crate::keep::Arrived;
use crate::landing::Landing;
use crate::look::STALE_IF_ERROR;
use crate::marks::Scope;
use crate::named::OfRequest;
use crate::query::content;
use crate::stale::Lost;
use crate::{reply, trace};

/// Calls the inner service, and lands the flight that the job leads.
pub(crate) fn forward<S, B, C>(
    inner: S,
    mut job: Job,
    mut request: Request<B>,
) -> impl Future<Output = Result<Response<ResponseBody<C>>, S::Error>> + Send
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    job.sent.give_back(&mut request);
    let reason = job.fetch.reason;
    let span = if job.unattended {
        trace::background_span(reason)
    } else {
        trace::fill_span(reason)
    };
    job.span = span.clone();
    if job.context.verifier.is_some() {
        job.record = Some(Arc::new(job.context.record(&request)));
    }
    if let Some(leader) = &job.leader {
        leader.flight().mark().works_in(&span);
    }
    let named = job.know_names(request.extensions());
    let mut forward = Forward { inner, job, named };
    let forwarded = async move {
        let answer = match forward.job.fetch.stored.clone() {
            Some((key, entry)) => forward.validate(request, key, entry).await,
            None => forward.fetch(request).await,
        };
        answer.or_else(|lost| forward.job.lost(lost))
    };
    forwarded.instrument(span)
}

struct Forward<S> {
    inner: S,
    job: Job,
    named: OfRequest,
}

type Forwarded<C, E> = Result<Response<ResponseBody<C>>, Lost<E>>;

impl<S> Forward<S> {
    async fn fetch<B, C>(&mut self, request: Request<B>) -> Forwarded<C, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
        C: Body + Send + 'static,
        C::Error: Into<BoxError>,
    {
        let arrived = self.exchange(request).await?;
        let status = self.job.status();
        Ok(self.job.keep(arrived, status).await)
    }

    async fn validate<B, C>(
        &mut self,
        request: Request<B>,
        key: Arc<[u8]>,
        entry: Arc<Entry>,
    ) -> Forwarded<C, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Body + Default + 'static,
        C: Body + Send + 'static,
        C::Error: Into<BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        let again = parts.clone();
        let policy = Arc::clone(&self.job.context.policy);
        policy.condition(&entry.head, &mut parts.headers);
        let arrived = self.exchange(Request::from_parts(parts, body)).await?;
        let response = &arrived.response;
        let (status, headers) = (response.status(), response.headers());
        let answered = self.job.status().fwd_status(status);
        let validation = if self.job.unattended {
            policy.validated_unattended(&entry.head, status, headers)
        } else {
            policy.validated(&entry.head, status, headers)
        };
        match validation {
            // What was purged since it was selected is not brought back by a 304.
            Validation::Freshen if self.is_gone(&entry, &arrived.birth) => {
                drop(arrived);
                self.retry(again).await
            }
            Validation::Freshen if !self.job.is_too_large(headers) => {
                Ok(self.job.freshen(&key, &entry, &arrived))
            }
            Validation::Freshen | Validation::Mismatch => {
                drop(arrived);
                self.job.forget(&key, &entry);
                self.retry(again).await
            }
            Validation::Failed => {
                self.job.throttle();
                self.job.land(Landing::Failed(Some(status)));
                let stale = self.job.stale(Some(status), STALE_IF_ERROR);
                Ok(stale.unwrap_or_else(|| self.job.relay(arrived, &answered)))
            }
            Validation::Relay => {
                self.job.land(Landing::Alone(Scope::Everybody));
                Ok(self.job.relay(arrived, &answered))
            }
            _ => {
                if self.job.outlived().is_none() {
                    self.job.supersede(&key, &entry, &arrived);
                }
                Ok(self.job.keep(arrived, answered).await)
            }
        }
    }

    /// A stored response was purged before it was asked about.
    fn is_gone(&self, entry: &Entry, birth: &Birth) -> bool {
        let stamps = &self.job.context.cache.shared().stamps;
        let since = Birth {
            names: entry.names(),
            ..birth.clone()
        };
        !entry.is_live(stamps) && since.is_live(stamps)
    }

    /// The 304 spoke of something else, or said more than may be kept: ask again, without
    /// conditions.
    async fn retry<B, C>(&mut self, mut parts: request::Parts) -> Forwarded<C, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Body + Default + 'static,
        C: Body + Send + 'static,
        C::Error: Into<BoxError>,
    {
        self.job.context.policy.uncondition(&mut parts.headers);
        let content = content::again(&parts.extensions);
        let request = Request::from_parts(parts, content);
        let arrived = self.exchange(request).await?;
        let status = arrived.response.status();
        if status == StatusCode::NOT_MODIFIED {
            self.job.failed();
            return Ok(reply::local(StatusCode::BAD_GATEWAY));
        }
        let answered = self.job.status().fwd_status(status);
        Ok(self.job.keep(arrived, answered).await)
    }

    /// One call of the inner service, in the time that it has.
    async fn exchange<B, C>(&mut self, request: Request<B>) -> Result<Arrived<C>, Lost<S::Error>>
    where
        S: Service<Request<B>, Response = Response<C>>,
    {
        let context = Arc::clone(&self.job.context);
        let timer = &context.cache.shared().timer;
        let called = pin!(self.call(request));
        let arrived = match context.filling.hard_timeout {
            None => called.await,
            Some(limit) => {
                let called = timer.timeout(limit, called).await;
                called.map_err(|_| Lost::TimedOut)?
            }
        };
        arrived.map_err(Lost::Error)
    }

    /// The stamp and the time are taken before the call: what is purged from here on this response
    /// cannot outlive, and the service's working time is age.
    async fn call<B, C>(&mut self, request: Request<B>) -> Result<Arrived<C>, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
    {
        poll_fn(|cx| self.inner.poll_ready(cx)).await?;
        if let Some(leader) = &self.job.leader {
            leader.flight().mark().set_called();
        }
        let context = Arc::clone(&self.job.context);
        let shared = context.cache.shared();
        let request_time = shared.clock.now();
        let birth = Birth {
            position: shared.stamps.position(),
            names: self.named.names.clone(),
            time: request_time,
            sight: shared.sight(),
        };
        let mut around = self.job.around();
        let mut called = pin!(around.within(|| self.inner.call(request)));
        let response = poll_fn(|cx| {
            let polled = around.within(|| called.as_mut().poll(cx));
            if around.has_inner() {
                self.job.set_inner();
            }
            polled
        });
        let response = response.await?;
        let times = Exchange {
            request_time,
            response_time: shared.clock.now(),
        };
        Ok(Arrived {
            response,
            birth,
            named: self.named.clone(),
            times,
        })
    }
}
