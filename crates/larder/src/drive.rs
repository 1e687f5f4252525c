//! The way of a request that has to be forwarded, top to bottom: call the inner service, ask the
//! policy what its response means, keep what may be kept, answer.

use std::future::poll_fn;
use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request};
use http_body::Body;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::key::{KeyBuf, MethodClass};
use larder_policy::{BypassReason, Exchange, RequestHead, SkipReason, Validation};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::entry::{Birth, Entry};
use crate::keep::{Arrived, is_too_large, keep, relay};
use crate::layer::Context;
use crate::reply;
use crate::service::Fetch;
use crate::trace::{self, Outcome};

/// Fetches what is not stored, or validates what is.
pub(crate) async fn drive<S, B, C>(
    context: Context,
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
        context,
        inner,
        sent,
        fetch,
    };
    match drive.fetch.stored.take() {
        Some((key, entry)) => drive.validate(request, key, entry).await,
        None => drive.fetch(request).await,
    }
}

/// Forwards a request of another method, or one that a header field gives another; its success may
/// invalidate (RFC 9111 section 4.4).
pub(crate) async fn drive_unsafe<S, B, C>(
    context: Context,
    mut inner: S,
    request: Request<B>,
    bypass: Option<BypassReason>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    let sent = Sent::of(&context, &request);
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let result = inner.call(request).await;
    let reason = bypass.map_or(ForwardReason::Method, |_| ForwardReason::Bypass);
    let response =
        result.inspect_err(|_| trace::answered(&context.cache, Outcome::Failed { reason }))?;
    invalidate(&context, &sent, &response);
    let status = response.status().as_u16();
    let (outcome, said) = match bypass {
        Some(bypass) => (
            Outcome::Bypassed(bypass),
            CacheStatus::forward(reason).detail(bypass.as_str()),
        ),
        None => (
            Outcome::Forwarded { reason, status },
            CacheStatus::forward(reason),
        ),
    };
    trace::answered(&context.cache, outcome);
    Ok(relay(&context.policy, response, &said))
}

/// Before the response is released, so that whoever saw it sees its effect.
fn invalidate<C>(context: &Context, sent: &Sent, response: &Response<C>) {
    let head = sent.head();
    let Ok(target) = context.policy.target(&head) else {
        return;
    };
    let (status, headers) = (response.status(), response.headers());
    let Some(what) = context.policy.invalidation(&head, &target, status, headers) else {
        return;
    };
    let urls: Vec<u64> = what
        .targets()
        .map(|target| {
            let mut url = KeyBuf::new();
            target.url_bytes(&mut url);
            context.cache.url_hash(&url)
        })
        .collect();
    trace::invalidated(&context.cache, urls.len());
    context.cache.shared().stamps.purge_urls(urls);
}

/// A request head kept after the request itself has gone to the inner service.
#[derive(Debug)]
pub(crate) struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Sent {
    fn of<B>(context: &Context, request: &Request<B>) -> Self {
        let uri = (context.target)(request.extensions()).unwrap_or_else(|| request.uri());
        Self {
            method: request.method().clone(),
            uri: uri.clone(),
            headers: request.headers().clone(),
        }
    }

    pub(crate) fn head(&self) -> RequestHead<'_> {
        RequestHead::new(&self.method, &self.uri, &self.headers, false)
    }
}

struct Drive<S> {
    context: Context,
    inner: S,
    sent: Sent,
    fetch: Fetch,
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
        let arrived = self.exchange(request).await?;
        Ok(self.keep(arrived, CacheStatus::forward(self.fetch.reason)))
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
        self.context
            .policy
            .condition(&entry.head, &mut parts.headers);
        let arrived = match self.exchange(Request::from_parts(parts, body)).await {
            Ok(arrived) => arrived,
            Err(error) => return self.stale(&entry, None).ok_or(error),
        };
        let response = &arrived.response;
        let (status, headers) = (response.status(), response.headers());
        let answered = CacheStatus::forward(self.fetch.reason).fwd_status(status);
        let limits = self.context.cache.shared().limits;
        match self.context.policy.validated(&entry.head, status, headers) {
            Validation::Freshen if !is_too_large(headers, limits) => {
                Ok(self.freshen(&key, &entry, &arrived))
            }
            Validation::Freshen | Validation::Mismatch => {
                self.context.cache.shared().memory.remove(&key, &entry);
                self.retry(again).await
            }
            Validation::Failed => Ok(self
                .stale(&entry, Some(status))
                .unwrap_or_else(|| self.relay(arrived, &answered))),
            Validation::Relay => Ok(self.relay(arrived, &answered)),
            _ => {
                self.supersede(&key, &entry, &arrived);
                Ok(self.keep(arrived, answered))
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
        self.context.policy.uncondition(&mut parts.headers);
        let arrived = self
            .exchange(Request::from_parts(parts, B::default()))
            .await?;
        let status = arrived.response.status();
        if status == StatusCode::NOT_MODIFIED {
            let reason = self.fetch.reason;
            trace::answered(&self.context.cache, Outcome::Failed { reason });
            return Ok(reply::local(StatusCode::BAD_GATEWAY));
        }
        let answered = CacheStatus::forward(self.fetch.reason).fwd_status(status);
        Ok(self.keep(arrived, answered))
    }

    /// One call of the inner service. The stamp and the time are taken before it: what is purged
    /// from here on this response cannot outlive, and the service's working time is age.
    async fn exchange<B, C>(&mut self, request: Request<B>) -> Result<Arrived<C>, S::Error>
    where
        S: Service<Request<B>, Response = Response<C>>,
    {
        let shared = self.context.cache.shared();
        let ready = poll_fn(|cx| self.inner.poll_ready(cx)).await;
        let birth = Birth {
            position: shared.stamps.position(),
            url: self.fetch.url,
        };
        let request_time = shared.clock.now();
        let result = match ready {
            Ok(()) => self.inner.call(request).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(response) => {
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
            Err(error) => {
                let reason = self.fetch.reason;
                trace::answered(&self.context.cache, Outcome::Failed { reason });
                Err(error)
            }
        }
    }

    fn keep<C: Body>(&self, arrived: Arrived<C>, status: CacheStatus) -> Response<ResponseBody<C>> {
        self.forwarded(arrived.response.status());
        keep(
            &self.context,
            &self.sent.head(),
            &self.fetch,
            arrived,
            status,
        )
    }

    fn relay<C: Body>(
        &self,
        arrived: Arrived<C>,
        status: &CacheStatus,
    ) -> Response<ResponseBody<C>> {
        self.forwarded(arrived.response.status());
        relay(&self.context.policy, arrived.response, status)
    }

    fn forwarded(&self, status: StatusCode) {
        let (reason, status) = (self.fetch.reason, status.as_u16());
        trace::answered(&self.context.cache, Outcome::Forwarded { reason, status });
    }

    /// Answers from a stored response that a 304 confirmed, and keeps it freshened.
    fn freshen<C: Body>(
        &self,
        key: &[u8],
        entry: &Arc<Entry>,
        arrived: &Arrived<C>,
    ) -> Response<ResponseBody<C>> {
        let request = self.sent.head();
        let entry = self.refreshed(key, entry, arrived);
        let serving = entry.head.serving(arrived.times.response_time);
        let status = CacheStatus::forward(self.fetch.reason)
            .fwd_status(StatusCode::NOT_MODIFIED)
            .ttl(serving.ttl());
        self.forwarded(StatusCode::NOT_MODIFIED);
        let mut response =
            reply::from_entry(&self.context.policy, &request, &entry, serving, &status);
        // A cookie in a 304 is for this client: relayed, never stored.
        for cookie in arrived.response.headers().get_all(SET_COOKIE) {
            let _ = response
                .headers_mut()
                .try_append(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// Puts the freshened response in the place of the stored one, as far as it may be stored.
    fn refreshed<C>(&self, key: &[u8], entry: &Arc<Entry>, arrived: &Arrived<C>) -> Arc<Entry> {
        let shared = self.context.cache.shared();
        let headers = arrived.response.headers();
        let freshened =
            self.context
                .policy
                .freshen(&entry.head, &self.sent.head(), headers, arrived.times);
        let (skip, forbids) = (freshened.skip(), freshened.forbids_stored());
        let head = *freshened.into_head();
        let grown = is_too_large(head.headers(), shared.limits);
        let skip = skip.or_else(|| grown.then_some(SkipReason::HeadersTooLarge));
        let fresh = Arc::new(entry.with_head(head, arrived.birth));
        if forbids || grown {
            shared.memory.remove(key, entry);
        } else if skip.is_none() && fresh.is_live(&shared.stamps) {
            shared
                .memory
                .replace(key, entry, Arc::clone(&fresh), &shared.stamps);
        }
        if let Some(reason) = skip {
            trace::skipped(&self.context.cache, reason);
        }
        fresh
    }

    /// A full response came instead of a 304. What it says of a stored GET response, when the
    /// request was a HEAD, is in RFC 9111 section 4.3.5.
    fn supersede<C>(&self, key: &[u8], entry: &Arc<Entry>, arrived: &Arrived<C>) {
        let shared = self.context.cache.shared();
        let headers = arrived.response.headers();
        let crosses =
            self.fetch.class == MethodClass::Head && entry.head.class() == MethodClass::Get;
        if !crosses {
            shared.memory.remove(key, entry);
        } else if arrived.response.status() == entry.head.status()
            && self
                .context
                .policy
                .head_agrees(&entry.head, &self.sent.method, headers)
        {
            self.refreshed(key, entry, arrived);
        } else {
            let marked = entry.with_head(entry.head.marked_invalid(), entry.birth());
            shared
                .memory
                .replace(key, entry, Arc::new(marked), &shared.stamps);
        }
    }

    /// Answers from the stored response although the inner service failed, if that may be.
    fn stale<C: Body>(
        &self,
        entry: &Entry,
        failed: Option<StatusCode>,
    ) -> Option<Response<ResponseBody<C>>> {
        let request = self.sent.head();
        let now = self.context.cache.shared().clock.now();
        let serving = self
            .context
            .policy
            .serves_on_failure(&request, &entry.head, now)?;
        let detail = "stale-if-error";
        let mut status = CacheStatus::forward(self.fetch.reason)
            .ttl(serving.ttl())
            .detail(detail);
        if let Some(failed) = failed {
            status = status.fwd_status(failed);
        }
        trace::answered(
            &self.context.cache,
            Outcome::StaleHit {
                ttl: serving.ttl(),
                detail,
            },
        );
        Some(reply::from_entry(
            &self.context.policy,
            &request,
            entry,
            serving,
            &status,
        ))
    }
}
