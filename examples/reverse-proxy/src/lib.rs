//! A caching reverse proxy: [`CacheLayer`] over a hyper client.
//!
//! What the layer sees is what the origin sees: the fields of the client's connection are gone and
//! the target is settled *before* the lookup, so no request can be stored under fields that the
//! origin never got. An origin that cannot be reached is an error inside the layer, which may
//! answer from a stale response instead; outside it becomes a 502 or 504.

mod connection;
mod origin;
mod server;
mod via;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use larder::policy::Scheme;
use larder::{Cache, CacheLayer, Policy, ResponseBody};
use tower::{Layer, Service, ServiceExt, service_fn};

pub use crate::origin::OriginError;
use crate::origin::{Origin, RequestBody};
pub use crate::server::serve;
use crate::via::Via;

/// Body of the proxy's responses: the cache's, or a line of text of its own.
pub type Body = Either<ResponseBody<Incoming>, Full<Bytes>>;

/// Settings of a [`proxy`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Where requests go: host and port of an HTTP/1.1 server.
    pub origin: Authority,
    /// The rules. The scheme is set by [`proxy`].
    pub policy: Policy,
    /// The store.
    pub cache: Cache,
    /// How the proxy calls itself in `Via`. Two proxies on one path need two names.
    pub name: String,
    /// How long the origin may take to begin its response.
    pub timeout: Duration,
}

/// The proxy as a service. Its errors are responses.
pub fn proxy<B>(
    options: Options,
) -> impl Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
where
    B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + 'static,
{
    let policy = options.policy.with_default_scheme(Scheme::Http);
    let cached = CacheLayer::new(options.cache)
        .with_policy(policy)
        .layer(Origin::new(options.origin, options.timeout));
    let via = Arc::new(Via::new(options.name));
    service_fn(move |request: Request<B>| {
        let (cached, via) = (cached.clone(), Arc::clone(&via));
        async move {
            let version = request.version();
            let request = match prepare(request, &via) {
                Ok(request) => request,
                Err(status) => return Ok(local(status)),
            };
            tracing::debug!(method = %request.method(), uri = %request.uri(), "request");
            let mut response = match cached.oneshot(request).await {
                Ok(response) => response.map(Either::Left),
                Err(error) => {
                    tracing::warn!(%error, "origin");
                    return Ok(local(error.status()));
                }
            };
            connection::strip(response.headers_mut());
            via.add(response.headers_mut(), Version::HTTP_11);
            *response.version_mut() = version;
            Ok(response)
        }
    })
}

/// Settles what is forwarded. `Err` is the proxy's own answer.
fn prepare<B>(request: Request<B>, via: &Via) -> Result<Request<RequestBody>, StatusCode>
where
    B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    if via.passed_here(&parts.headers) {
        return Err(StatusCode::LOOP_DETECTED);
    }
    connection::strip_request(&mut parts.headers);
    settle_target(&mut parts.uri, &mut parts.headers)?;
    via.add(&mut parts.headers, parts.version);
    parts.version = Version::HTTP_11;
    Ok(Request::from_parts(parts, RequestBody::new(body)))
}

/// The authority of an absolute target (`:authority` in HTTP/2) replaces `Host` (RFC 9112 section
/// 3.2.2); what remains of the target is the path.
fn settle_target(uri: &mut Uri, headers: &mut HeaderMap) -> Result<(), StatusCode> {
    if let Some(authority) = uri.authority() {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| StatusCode::BAD_REQUEST)?;
        headers.insert(HOST, host);
        let path = uri.path_and_query().cloned();
        *uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    Ok(())
}

fn local(status: StatusCode) -> Response<Body> {
    let text = format!("{status}\n");
    let mut response = Response::new(Either::Right(Full::from(text)));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, plain);
    response
}
