//! [`CacheService`]: `call` answers a hit at once, hands the rest on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use http::{Extensions, Request, Response, StatusCode};
use http_body::Body;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::key::{KeyBuf, MethodClass, Partition, Target};
use larder_policy::{BypassReason, Decision, Lookup, RequestHead, Serving};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::bypass::bypass;
use crate::context::Context;
use crate::drive::drive;
use crate::entry::Entry;
use crate::future::ResponseFuture;
use crate::job::Fetch;
use crate::reply;
use crate::trace::{self, Outcome};
use crate::variants::Selected;
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
    S::Error: Send,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
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
            Plan::Serve(entry, serving) => {
                ResponseFuture::answer(serve(context, &head, &entry, serving))
            }
            Plan::Refuse => {
                trace::answered(&context.cache, Outcome::Refused);
                ResponseFuture::answer(reply::local(StatusCode::GATEWAY_TIMEOUT))
            }
            Plan::Bypass(reason) => {
                trace::answered(&context.cache, Outcome::Bypassed(reason));
                let policy = Arc::clone(&context.policy);
                ResponseFuture::drive(bypass(self.common.inner(), request, policy, reason))
            }
            Plan::Unsafe(bypass) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                ResponseFuture::drive(drive_unsafe(context, inner, request, bypass))
            }
            Plan::Fetch(fetch) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                ResponseFuture::drive(drive(context, inner, request, fetch))
            }
        }
    }
}

/// What is to be done about a request. Small: the response is made where it is returned.
enum Plan {
    Bypass(BypassReason),
    Fetch(Fetch),
    /// The client wants a stored response or none (RFC 9111 section 5.2.1.7), and there is none.
    Refuse,
    Serve(Arc<Entry>, Serving),
    /// Forward; what comes back may invalidate. With the reason, if it is not the method.
    Unsafe(Option<BypassReason>),
}

fn plan(context: &Context, head: &RequestHead<'_>, extensions: &Extensions) -> Plan {
    match consider(context, head, extensions) {
        Plan::Serve(entry, serving) => Plan::Serve(entry, serving),
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
    let mut used = use_stored(context, head, &key);
    // Where GET's responses do not answer a HEAD, its own may.
    if class == MethodClass::Head
        && let Use::Miss(reason) = used
    {
        encode(MethodClass::Head, &mut key);
        used = match use_stored(context, head, &key) {
            Use::Miss(ForwardReason::UriMiss) => Use::Miss(reason),
            used => used,
        };
    }
    let (reason, stored) = match used {
        Use::Serve(entry, serving) => return Plan::Serve(entry, serving),
        Use::Validate(reason, entry) => (reason, Some((Arc::from(&*key), entry))),
        Use::Miss(reason) => (reason, None),
    };
    encode(class, &mut key);
    let mut url = KeyBuf::new();
    target.url_bytes(&mut url);
    let url = context.cache.url_hash(&url);
    Plan::Fetch(Fetch {
        class,
        key: Arc::from(&*key),
        reason,
        url,
        stored,
    })
}

enum Use {
    Miss(ForwardReason),
    Serve(Arc<Entry>, Serving),
    Validate(ForwardReason, Arc<Entry>),
}

fn use_stored(context: &Context, head: &RequestHead<'_>, key: &[u8]) -> Use {
    let shared = context.cache.shared();
    let Some(found) = shared.memory.get(key) else {
        return Use::Miss(ForwardReason::UriMiss);
    };
    let entry = match found.select(head.headers(), &shared.stamps) {
        Selected::Match(entry) => entry,
        Selected::Mismatch => return Use::Miss(ForwardReason::VaryMiss),
        Selected::None => return Use::Miss(ForwardReason::UriMiss),
    };
    match context.policy.decide(head, &entry.head, shared.clock.now()) {
        Decision::Serve(serving) => Use::Serve(Arc::clone(entry), serving),
        Decision::Validate(reason) => Use::Validate(reason, Arc::clone(entry)),
        // Validating behind the client's back comes with shared fills; until then it validates
        // first, which is never less correct.
        _ => Use::Validate(ForwardReason::Stale, Arc::clone(entry)),
    }
}

fn serve<C: Body>(
    context: &Context,
    head: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
) -> Response<ResponseBody<C>> {
    let ttl = serving.ttl();
    let outcome = if serving.is_stale() {
        Outcome::StaleHit {
            ttl,
            detail: "max-stale",
        }
    } else {
        Outcome::Hit { ttl }
    };
    trace::answered(&context.cache, outcome);
    let status = CacheStatus::hit(ttl);
    reply::from_entry(&context.policy, head, entry, serving, &status)
}
