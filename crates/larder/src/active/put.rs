//! Putting a value into the store, as if a handler had just answered with it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::DATE;
use http::{Extensions, Request, Response};
use larder_policy::key::MethodClass;
use larder_policy::{Exchange, SkipReason};

use super::fence::Fence;
use super::put_error::PutError;
use super::stored::Stored;
use crate::admit::Admitted;
use crate::body::ResponseBody;
use crate::cache::Cache;
use crate::context::Context;
use crate::entry::{Birth, Coming, Entry};
use crate::fill::{Fill, join};
use crate::job::Job;
use crate::layer::CacheLayer;
use crate::probing::job;
use crate::route_policy::RoutePolicy;
use crate::trace;

impl Cache {
    /// Stores a response as if the handler of a route annotated with `policy` had just given it to
    /// `request`. Whoever asks from now on gets it, as long as it is fresh, and no handler is called.
    ///
    /// Everything is as for a response that was fetched: the key (declared inputs, and the partition
    /// that the request's extensions name), what may be stored (`Cache-Control`, `Vary`, `Set-Cookie`,
    /// `Authorization`, sizes, …), the tags by which it can be purged, the `ETag` that is made for it,
    /// what clients are told. So the request has to be the one that a client would make, as the
    /// service sees it:
    ///
    /// - the URI and `Host` in the form that a server gives them: for HTTP/1.1 the path and query, and
    ///   a `Host` field. A scheme is part of the key, unless all requests are given one
    ///   ([`Policy::with_default_scheme`](crate::Policy::with_default_scheme));
    /// - the fields that the key declares, or that the response's own `Vary` names: a response without
    ///   the handler's `Vary` does not take the place of one that has it;
    /// - in its extensions the identity, on a route that keeps a copy for each;
    /// - its method GET, or HEAD for the head alone. The content of QUERY has to be in the extensions,
    ///   where [`QueryContentLayer`](crate::QueryContentLayer) puts it.
    ///
    /// A route whose key or tags go by its name in a router has to be given that
    /// [name](RoutePolicy::name) in the policy.
    ///
    /// # What stands there, and what is on its way
    ///
    /// The response takes the place of the stored one with the same selecting fields (RFC 9111 section
    /// 4.1); if it has a `Date`, unless that one is more recent, to the second. A fill that began before
    /// and ends after it does not overwrite it. Whoever waits for that fill gets what the fill brings.
    ///
    /// # Purges
    ///
    /// A purge from now on drops it. Of those before nothing is known: a value that was read before a
    /// purge and is put after it brings the old state back, for as long as it is fresh. Where that can
    /// happen use [`put_since`](Self::put_since).
    ///
    /// # Errors
    ///
    /// [`PutError`] says why nothing was stored, and what to do about it.
    ///
    /// # Cost
    ///
    /// Makes a layer of the policy each time, and distinct keys are not counted
    /// ([`RoutePolicy::cardinality_budget`]). To put much, make the layer once:
    /// [`CacheLayer::put`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{BodyExt, Empty, Full};
    /// use larder::{Cache, CacheLayer, RoutePolicy};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cache::builder().build();
    /// let policy = RoutePolicy::shared(Duration::from_secs(60));
    /// let request = || Request::get("/news").header("host", "paper.example");
    ///
    /// let response = Response::builder().header("content-type", "text/plain").body("hot bread")?;
    /// let stored = cache.put(&request().body(())?, response, &policy)?;
    /// assert_eq!(stored.fresh_for(), Duration::from_secs(60));
    ///
    /// let handler = service_fn(|_: Request<Empty<Bytes>>| async {
    ///     Ok::<Response<Full<Bytes>>, std::convert::Infallible>(unreachable!("nobody asks it"))
    /// });
    /// let layer = CacheLayer::new(cache).with_route_policy(policy);
    /// let service = ServiceBuilder::new().layer(layer).service(handler);
    /// let answer = service.oneshot(request().body(Empty::new())?).await?;
    /// assert_eq!(answer.headers()["cache-status"], "larder; hit; ttl=60");
    /// assert_eq!(answer.into_body().collect().await?.to_bytes(), "hot bread");
    /// # Ok(())
    /// # }
    /// ```
    pub fn put<B>(
        &self,
        request: &Request<B>,
        response: Response<impl Into<Bytes>>,
        policy: &RoutePolicy,
    ) -> Result<Stored, PutError> {
        self.route(policy).put(request, response)
    }

    /// As [`put`](Self::put), with a value that was read after the [fence](Self::fence) was taken: it is
    /// refused if anything it is named by was purged since, softly or not, and it is as old as the
    /// fence. Of two values that are put for the same key the one with the later fence stays, and a
    /// response whose fill began after the fence does.
    ///
    /// # Errors
    ///
    /// [`PutError::Invalidated`] also where the fence is of another cache.
    pub fn put_since<B>(
        &self,
        fence: &Fence,
        request: &Request<B>,
        response: Response<impl Into<Bytes>>,
        policy: &RoutePolicy,
    ) -> Result<Stored, PutError> {
        self.route(policy).put_since(fence, request, response)
    }

    /// A layer for what is put on a route.
    pub(super) fn route(&self, policy: &RoutePolicy) -> CacheLayer {
        CacheLayer::new(self.clone()).with_route_policy(policy.clone())
    }
}

impl CacheLayer {
    /// As [`Cache::put`], with the settings of this layer. It has to be made as the one around the
    /// service was: `larder_axum::layer(&cache)` and its `with_` methods on axum, or a clone of it.
    ///
    /// # Errors
    ///
    /// [`PutError`] says why nothing was stored, and what to do about it.
    pub fn put<B>(
        &self,
        request: &Request<B>,
        response: Response<impl Into<Bytes>>,
    ) -> Result<Stored, PutError> {
        self.put_bare(&bare(request), response.map(Into::into), None)
    }

    /// As [`Cache::put_since`], with the settings of this layer.
    ///
    /// # Errors
    ///
    /// [`PutError`] says why nothing was stored, and what to do about it.
    pub fn put_since<B>(
        &self,
        fence: &Fence,
        request: &Request<B>,
        response: Response<impl Into<Bytes>>,
    ) -> Result<Stored, PutError> {
        self.put_bare(&bare(request), response.map(Into::into), Some(fence))
    }

    pub(super) fn put_bare(
        &self,
        request: &Request<()>,
        response: Response<Bytes>,
        fence: Option<&Fence>,
    ) -> Result<Stored, PutError> {
        let put = put(&Arc::new(self.served()), request, response, fence);
        match &put {
            Ok(stored) => trace::put(&self.context.cache, stored.body_bytes()),
            Err(error) => trace::put_refused(&self.context.cache, error.as_str()),
        }
        put
    }
}

/// A request without its body: that is no part of what is asked for, but for QUERY.
pub(super) fn bare<B>(request: &Request<B>) -> Request<()> {
    let mut bare = Request::new(());
    bare.method_mut().clone_from(request.method());
    bare.uri_mut().clone_from(request.uri());
    *bare.version_mut() = request.version();
    bare.headers_mut().clone_from(request.headers());
    bare.extensions_mut().clone_from(request.extensions());
    bare
}

fn put(
    context: &Arc<Context>,
    asked: &Request<()>,
    response: Response<Bytes>,
    fence: Option<&Fence>,
) -> Result<Stored, PutError> {
    let caller = context.caller(asked);
    let (mut job, request) = job(context, asked, false)?;
    job.caller = caller;
    if context.verifier.is_some() {
        job.record = Some(Arc::new(context.record(&request)));
    }
    job.put(request.extensions(), response, fence)
}

impl Job {
    fn put(
        &mut self,
        asked: &Extensions,
        response: Response<Bytes>,
        fence: Option<&Fence>,
    ) -> Result<Stored, PutError> {
        let context = Arc::clone(&self.context);
        let shared = context.cache.shared();
        if fence.is_some_and(|fence| !fence.is_of(&context.cache)) {
            return Err(PutError::Invalidated);
        }
        let now = shared.clock.now();
        let named = self.names_of_request(asked);
        let birth = Birth {
            position: fence.map_or_else(|| shared.stamps.position(), Fence::position),
            names: named.names.clone(),
            time: fence.map_or(now, Fence::taken_at),
            sight: fence.map_or_else(|| shared.sight(), Fence::sight),
        };
        let times = Exchange {
            request_time: birth.time,
            response_time: now,
        };
        if let Some(route) = &self.route {
            context.check_vary(route, response.headers());
        }
        let (parts, body) = response.into_parts();
        let coming = if fence.is_some() || parts.headers.contains_key(DATE) {
            Coming::Put(now)
        } else {
            Coming::PutNow
        };
        let body = self.content(body);
        let measured = ResponseBody::<String>::stored(body.clone());
        let admitted = self.search(&named, &parts, &measured, times);
        drop(measured);
        let Admitted {
            mut head,
            announced,
            names,
            watch,
        } = admitted.inspect_err(|reason| trace::skipped(&context.cache, *reason))?;
        if let Some(share) = context.filling.lost_share() {
            head.shorten(share);
        }
        let birth = Birth { names, ..birth };
        if !birth.is_current(&shared.stamps) {
            trace::discarded(&context.cache, SkipReason::Invalidated);
            return Err(PutError::Invalidated);
        }
        let mut fill = self.fill(birth, head, announced);
        fill.set_coming(coming);
        if let Some(watch) = watch {
            fill.seal(watch);
        }
        self.place(fill, body).map(|entry| Stored::new(entry, now))
    }

    fn place(&mut self, mut fill: Fill, body: Bytes) -> Result<Arc<Entry>, PutError> {
        if let Err(reason) = fill.count(&body) {
            fill.discard(reason);
            return Err(reason.into());
        }
        let (entry, stands) = fill.place(join(vec![body]))?;
        if !stands {
            return Err(PutError::Outdated);
        }
        self.landed(&entry);
        Ok(entry)
    }

    /// There is none to a HEAD, whatever a handler sends (RFC 9110 section 9.3.2).
    fn content(&self, body: Bytes) -> Bytes {
        if self.fetch.class == MethodClass::Head {
            Bytes::new()
        } else {
            body
        }
    }
}
