//! The way of a request that has to be forwarded, top to bottom: follow whoever is asking already,
//! else call the inner service, ask the policy what its response means, keep what may be kept, answer.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response, StatusCode, request};
use http_body::Body;
use larder_policy::{Exchange, Validation};
use tower_service::Service;
use tracing::Instrument;

use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::consult::Due;
use crate::context::Context;
use crate::entry::{Birth, Entry};
use crate::job::{Fetch, Job, credentials};
use crate::keep::Arrived;
use crate::landing::Landing;
use crate::look::STALE_IF_ERROR;
use crate::marks::Scope;
use crate::query::content;
use crate::refresh::refresh;
use crate::stale::Lost;
use crate::timer::after;
use crate::{reply, trace};

/// Fetches what is not stored, or validates what is, unless another request does so already.
pub(crate) async fn drive<S, B, C>(
    context: Arc<Context>,
    inner: S,
    mut request: Request<B>,
    fetch: Box<Fetch>,
    berth: Arc<Berth>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let credentials = credentials(&context, &request);
    let caller = context.caller(&request);
    let mut job = Job::narrowed(context, &mut request, fetch, credentials);
    job.caller = caller;
    // One for the whole request, however often it goes on waiting for something else.
    let soft = job.context.filling.soft_timeout.map(after);
    if let Some(response) = job.collapse(&berth, soft).await {
        return Ok(response);
    }
    // What another node answers needs no room for what the inner service would.
    if soft.is_none()
        && let Some((response, due)) = job.consult().await
    {
        begin(&job, inner, request, due);
        return Ok(response);
    }
    let twin = soft
        .filter(|_| job.stands_in().is_some())
        .map(|_| job.twin());
    // On its own: one that follows needs little memory, and many follow.
    let mut forward = Box::pin(forward(inner, job, request));
    let (Some(soft), Some(twin)) = (soft, twin) else {
        return forward.await;
    };
    match twin.timer().timeout_at(soft, &mut forward).await {
        Ok(response) => response,
        Err(_) => finish_behind(twin, forward).await,
    }
}

/// The inner service is slow: answers from the stored response, and goes on behind the client's
/// back.
async fn finish_behind<F, C, E>(twin: Job, forward: F) -> F::Output
where
    F: Future<Output = Result<Response<ResponseBody<C>>, E>> + Send + 'static,
    C: Send + 'static,
    E: Send + 'static,
{
    let background = &twin.context.cache.shared().background;
    let (Some((entry, serving)), Some(place)) = (twin.stands_in(), background.place()) else {
        return forward.await;
    };
    twin.set_answered(true);
    background.run(place, async move {
        if let Ok(answer) = forward.await {
            answer.into_body().arrived().await;
        }
    });
    Ok(twin.stale_from(&entry, serving, None, "soft-timeout"))
}

/// Begins the validation of what another node has stored, if one is due.
fn begin<S, B, C>(job: &Job, inner: S, mut request: Request<B>, due: Due)
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    if let Some((fetch, turn)) = due {
        job.sent.give_back(&mut request);
        refresh(&job.context, inner, &request, fetch, turn);
    }
}

/// Calls the inner service, and lands the flight that the job leads.
pub(crate) async fn forward<S, B, C>(
    inner: S,
    mut job: Job,
    mut request: Request<B>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    if let Some((answer, due)) = job.consult().await {
        begin(&job, inner, request, due);
        return Ok(answer);
    }
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
    let mut drive = Drive { inner, job };
    let driven = async move {
        let answer = match drive.job.fetch.stored.clone() {
            Some((key, entry)) => drive.validate(request, key, entry).await,
            None => drive.fetch(request).await,
        };
        answer.or_else(|lost| drive.job.lost(lost))
    };
    driven.instrument(span).await
}

struct Drive<S> {
    inner: S,
    job: Job,
}

type Driven<C, E> = Result<Response<ResponseBody<C>>, Lost<E>>;

impl<S> Drive<S> {
    async fn fetch<B, C>(&mut self, request: Request<B>) -> Driven<C, S::Error>
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
    ) -> Driven<C, S::Error>
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
            names: entry.names().clone(),
            ..birth.clone()
        };
        !entry.is_live(stamps) && since.is_live(stamps)
    }

    /// The 304 spoke of something else, or said more than may be kept: ask again, without
    /// conditions.
    async fn retry<B, C>(&mut self, mut parts: request::Parts) -> Driven<C, S::Error>
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
            names: self.job.names.clone(),
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
            times,
        })
    }
}
