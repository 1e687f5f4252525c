//! What becomes of a response of the inner service: stored while it streams, or relayed.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Response, response};
use http_body::Body;
use larder_policy::fields::CacheStatus;
use larder_policy::key::MethodClass;
use larder_policy::{Decision, Exchange, Policy, SkipReason, StoredHead};

use crate::admit::Admitted;
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::context::Context;
use crate::entry::Birth;
use crate::errand::Came;
use crate::fill::Fill;
use crate::job::Job;
use crate::landing::Landing;
use crate::marks::Scope;
use crate::named::OfRequest;
use crate::trace;

/// A response of the inner service, and when it was asked for.
pub(crate) struct Arrived<C> {
    pub(crate) response: Response<C>,
    /// With the names that the request gives.
    pub(crate) birth: Birth,
    pub(crate) named: OfRequest,
    pub(crate) times: Exchange,
}

impl Job {
    /// Relays a response to its client and stores it on the way, if it may be stored.
    pub(crate) async fn keep<C>(
        &mut self,
        arrived: Arrived<C>,
        status: CacheStatus,
    ) -> Response<ResponseBody<C>>
    where
        C: Body + Send + 'static,
        C::Error: Into<BoxError>,
    {
        self.forwarded(arrived.response.status());
        if let Some(route) = &self.route {
            self.context.check_vary(route, arrived.response.headers());
        }
        let context = Arc::clone(&self.context);
        let Context { cache, policy, .. } = &*context;
        let (mut parts, body) = arrived.response.into_parts();
        let Admitted {
            mut head,
            announced,
            names,
            watch,
        } = match self.search(&arrived.named, &parts, &body, arrived.times) {
            Ok(admitted) => admitted,
            Err(reason) => {
                let of_client = is_of_client(reason);
                if let Some((key, old)) = self.outlived().filter(|_| !of_client) {
                    self.forget(key, old);
                }
                trace::skipped(cache, reason);
                self.note(Came::NotKept(reason));
                self.uncacheable(parts.status, reason);
                note(policy, &mut parts.headers, &status.detail(reason.as_str()));
                return self.relayed(parts, body);
            }
        };
        if let Some(told) = head.downstream() {
            parts.headers.insert(CACHE_CONTROL, told);
        }
        if let Some(share) = context.filling.lost_share() {
            head.shorten(share);
        }
        if !self.is_for_others(&head) {
            self.mark(Scope::Everybody);
            self.land(Landing::Alone(Scope::Everybody));
        }
        let birth = Birth {
            names,
            ..arrived.birth
        };
        let mut fill = self.fill(birth, head, announced);
        if let Some(watch) = watch {
            fill.seal(watch);
        }
        if self.fetch.class == MethodClass::Head {
            if let Ok(entry) = fill.publish(Bytes::new()) {
                self.landed(&entry);
            }
            note(policy, &mut parts.headers, &status.stored());
            return self.relayed(parts, body);
        }
        let (body, skipped) = self.deliver(parts.status, body, fill).await;
        let status = match skipped {
            None => status.stored(),
            Some(reason) => status.detail(reason.as_str()),
        };
        note(policy, &mut parts.headers, &status);
        Response::from_parts(parts, body)
    }

    /// What is to be stored of the response, in the place of one that answers until then.
    pub(crate) fn fill(
        &mut self,
        birth: Birth,
        head: Box<StoredHead>,
        announced: Option<u64>,
    ) -> Fill {
        let (cache, key) = (self.context.cache.clone(), Arc::clone(&self.fetch.key));
        let hold = self.hold.clone();
        let windows = self.context.policy.use_after_expiry(&head);
        let mut fill = Fill::new(cache, key, birth, head, announced, hold);
        fill.set_windows(windows);
        fill.set_record(self.record.clone());
        fill.set_errand(self.errand.clone());
        fill.set_lease(self.lease.take());
        if let Some((_, old)) = self.outlived() {
            fill.supersede(Arc::clone(old));
        }
        fill
    }

    /// Others may use the response as it is, without validation. What this request's own directives
    /// ask for does not matter to them.
    pub(crate) fn is_for_others(&self, head: &StoredHead) -> bool {
        let Context { cache, policy, .. } = &*self.context;
        let now = cache.shared().clock.now();
        let plain = HeaderMap::new();
        let decision = policy.decide(&self.sent.head_with(&plain), head, now);
        let usable = matches!(
            decision,
            Decision::Serve(_) | Decision::ServeWhileValidating(_)
        );
        self.leader.is_none() || usable
    }

    /// The response as it came, but for content in the answer to a HEAD: handlers send some, and
    /// HTTP/2 takes it for an error (RFC 9110 section 9.3.2).
    fn relayed<C: Body>(&self, mut parts: response::Parts, body: C) -> Response<ResponseBody<C>> {
        if self.fetch.class != MethodClass::Head || body.is_end_stream() {
            return Response::from_parts(parts, ResponseBody::inner(body));
        }
        if let Some(length) = body.size_hint().exact() {
            let length = HeaderValue::from(length);
            parts.headers.entry(CONTENT_LENGTH).or_insert(length);
        }
        Response::from_parts(parts, ResponseBody::empty())
    }

    /// Relays a response that is nobody else's business.
    pub(crate) fn relay<C: Body>(
        &self,
        arrived: Arrived<C>,
        status: &CacheStatus,
    ) -> Response<ResponseBody<C>> {
        self.forwarded(arrived.response.status());
        let (mut parts, body) = arrived.response.into_parts();
        note(&self.context.policy, &mut parts.headers, status);
        self.relayed(parts, body)
    }
}

/// Relays a response with a word about why it was forwarded.
pub(crate) fn relay<C: Body>(
    policy: &Policy,
    mut response: Response<C>,
    status: &CacheStatus,
) -> Response<ResponseBody<C>> {
    note(policy, response.headers_mut(), status);
    response.map(ResponseBody::inner)
}

/// Adds a word about how a response came about.
pub(crate) fn note(policy: &Policy, headers: &mut HeaderMap, status: &CacheStatus) {
    policy.tell_private(headers);
    policy.tag_fields().strip_from(headers);
    if policy.writes_cache_status() {
        status.append(headers, policy.name());
    }
}

/// Another client's response may be stored.
fn is_of_client(reason: SkipReason) -> bool {
    matches!(
        reason,
        SkipReason::Authorization
            | SkipReason::CodedBody
            | SkipReason::Cookie
            | SkipReason::Tripwire
            | SkipReason::UndeclaredExtension
    )
}
