//! [`CacheService`]: `call` answers a hit at once, hands the rest on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use http::{Extensions, Request, Response, StatusCode};
use http_body::Body;
use larder_policy::fields::ForwardReason;
use larder_policy::key::{KeyBuf, MethodClass, Partition, Target};
use larder_policy::{BypassReason, Lookup, RequestHead, Serving};
use tower_service::Service;

use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::bypass::bypass;
use crate::context::Context;
use crate::drive::drive;
use crate::entry::Entry;
use crate::future::ResponseFuture;
use crate::job::Fetch;
use crate::look::{STALE_WHILE_REVALIDATE, Use, look, variant};
use crate::refresh::{Turn, refresh};
use crate::reply;
use crate::trace::{self, Outcome};
use crate::write::drive_unsafe;

/// The service that [`CacheLayer`](crate::CacheLayer) makes.
///
/// It is always ready: a hit must not wait for the inner service. A request that has to be
/// forwarded readies a clone of the inner service first, so concurrency limits, load shedding and
/// buffers inside the cache see only what is really forwarded.
pub struct CacheService<S> {
    common: Arc<Common<S>>,
}

/// What the clones of a service have in common. Servers and routers clone a service for every
/// request, and a hit is not to pay for a clone of the inner service that it does not call.
struct Common<S> {
    context: Arc<Context>,
    inner: Mutex<S>,
}

impl<S> CacheService<S> {
    pub(crate) fn new(inner: S, context: Context) -> Self {
        let common = Common {
            context: Arc::new(context),
            inner: Mutex::new(inner),
        };
        Self {
            common: Arc::new(common),
        }
    }
}

impl<S: Clone> Common<S> {
    /// An inner service to forward one request to.
    fn inner(&self) -> S {
        let inner = self.inner.lock();
        inner.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S> Clone for CacheService<S> {
    fn clone(&self) -> Self {
        Self {
            common: Arc::clone(&self.common),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for CacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService")
            .field("inner", &self.common.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, C> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<C>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, C>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context = &self.common.context;
        let uri = (context.target)(request.extensions()).unwrap_or_else(|| request.uri());
        let content = !request.body().is_end_stream();
        let head = RequestHead::new(request.method(), uri, request.headers(), content);
        match plan(context, &head, request.extensions()) {
            Plan::Serve(entry, serving, detail) => {
                ResponseFuture::answer(reply::hit(context, &head, &entry, serving, detail))
            }
            Plan::Refresh(entry, serving, fetch, turn) => {
                let detail = STALE_WHILE_REVALIDATE;
                let response = reply::hit(context, &head, &entry, serving, detail);
                refresh(context, self.common.inner(), &request, fetch, turn);
                ResponseFuture::answer(response)
            }
            Plan::Refuse => {
                trace::answered(&context.cache, Outcome::Refused);
                ResponseFuture::answer(reply::local(StatusCode::GATEWAY_TIMEOUT))
            }
            Plan::Bypass(reason) => {
                trace::answered(&context.cache, Outcome::Bypassed(reason));
                let policy = Arc::clone(&context.policy);
                let bypassed = bypass(self.common.inner(), request, policy, reason);
                ResponseFuture::drive(bypassed, None)
            }
            Plan::Unsafe(bypass) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                ResponseFuture::drive(drive_unsafe(context, inner, request, bypass), None)
            }
            Plan::Fetch(fetch) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                let finish = context.filling.finish_on_disconnect;
                let berth = Arc::new(Berth::new(context.cache.clone(), finish));
                let driven = drive(context, inner, request, fetch, Arc::clone(&berth));
                ResponseFuture::drive(driven, Some(berth))
            }
        }
    }
}

/// What is to be done about a request. Small: the response is made where it is returned.
enum Plan {
    Bypass(BypassReason),
    Fetch(Fetch),
    /// Answer from the stored response, and validate it in the background.
    Refresh(Arc<Entry>, Serving, Fetch, Turn),
    /// The client wants a stored response or none (RFC 9111 section 5.2.1.7), and there is none.
    Refuse,
    Serve(Arc<Entry>, Serving, &'static str),
    /// Forward; what comes back may invalidate. With the reason, if it is not the method.
    Unsafe(Option<BypassReason>),
}

fn plan(context: &Context, head: &RequestHead<'_>, extensions: &Extensions) -> Plan {
    match consider(context, head, extensions) {
        served @ (Plan::Serve(..) | Plan::Refresh(..)) => served,
        _ if context.policy.only_if_cached(head) => Plan::Refuse,
        forward => forward,
    }
}

fn consider(context: &Context, head: &RequestHead<'_>, extensions: &Extensions) -> Plan {
    let class = match context.policy.lookup(head) {
        Lookup::Use(class) => class,
        Lookup::Bypass(reason @ BypassReason::Override) => return Plan::Unsafe(Some(reason)),
        Lookup::Bypass(reason) => return Plan::Bypass(reason),
        _ => return Plan::Unsafe(None),
    };
    let partition = match context.partition(extensions) {
        Ok(partition) => partition,
        Err(reason) => return Plan::Bypass(reason),
    };
    match context.policy.target(head) {
        Ok(target) => look_up(context, head, class, &target, &partition),
        Err(reason) => Plan::Bypass(reason),
    }
}

fn look_up(
    context: &Context,
    head: &RequestHead<'_>,
    class: MethodClass,
    target: &Target<'_>,
    partition: &Partition,
) -> Plan {
    let encode = |class: MethodClass, key: &mut KeyBuf| {
        key.clear();
        context.policy.key_into(class, head, target, partition, key);
    };
    let mut key = KeyBuf::new();
    encode(MethodClass::Get, &mut key);
    if key.len() > context.cache.shared().limits.max_key_bytes {
        return Plan::Bypass(BypassReason::KeyTooLong);
    }
    let mut used = look(context, head, &key);
    // Where GET's responses do not answer a HEAD, its own may.
    if class == MethodClass::Head
        && let Use::Miss(reason, _) = used
    {
        encode(MethodClass::Head, &mut key);
        used = match look(context, head, &key) {
            Use::Miss(ForwardReason::UriMiss, variant) => Use::Miss(reason, variant),
            used => used,
        };
    }
    let stored_under = |key: &KeyBuf| Arc::<[u8]>::from(&**key);
    let (reason, variant, stored) = match used {
        Use::Serve(entry, serving, detail) => {
            let due = is_due_early(context, head, &entry, serving);
            match due.then(|| Turn::take(context, &entry)).flatten() {
                None => return Plan::Serve(entry, serving, detail),
                Some(turn) => {
                    let fetch = background(context, target, stored_under(&key), &entry);
                    return Plan::Refresh(entry, serving, fetch, turn);
                }
            }
        }
        Use::ServeWhileValidating(entry, serving) => match Turn::take(context, &entry) {
            None => return Plan::Serve(entry, serving, STALE_WHILE_REVALIDATE),
            Some(turn) => {
                let fetch = background(context, target, stored_under(&key), &entry);
                return Plan::Refresh(entry, serving, fetch, turn);
            }
        },
        Use::Validate(reason, entry) => {
            let variant = variant(entry.head.selection(), head);
            (reason, variant, Some((stored_under(&key), entry)))
        }
        Use::Miss(reason, variant) => (reason, variant, None),
    };
    encode(class, &mut key);
    Plan::Fetch(Fetch {
        class,
        key: stored_under(&key),
        reason,
        url: url_hash(context, target),
        variant,
        stored,
    })
}

/// A fresh response that is about to expire. A client that wants no more than what is stored starts
/// no work.
fn is_due_early(
    context: &Context,
    head: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
) -> bool {
    let early = context.filling.early_refresh;
    if early.is_off() || serving.is_stale() || head.directives().only_if_cached() {
        return false;
    }
    let now = context.cache.shared().clock.now();
    let held = now.duration_since(entry.birth().time).unwrap_or_default();
    early.is_due(serving, held, entry.fill_time())
}

/// The validation of a stored response, by a request that no client made.
fn background(context: &Context, target: &Target<'_>, key: Arc<[u8]>, entry: &Arc<Entry>) -> Fetch {
    Fetch {
        class: entry.head.class(),
        key: Arc::clone(&key),
        reason: ForwardReason::Stale,
        url: url_hash(context, target),
        variant: entry.head.selection().encoded().into(),
        stored: Some((key, Arc::clone(entry))),
    }
}

fn url_hash(context: &Context, target: &Target<'_>) -> u64 {
    let mut url = KeyBuf::new();
    target.url_bytes(&mut url);
    context.cache.url_hash(&url)
}
