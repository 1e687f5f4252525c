//! A caching reverse proxy: [`CacheLayer`] over a hyper client.
//!
//! What the layer sees is what the origin sees: the fields of the client's connection are gone and
//! the target is settled *before* the lookup, so no request can be stored under fields that the
//! origin never got. An origin that cannot be reached is an error inside the layer, which may
//! answer from a stale response instead; outside it becomes a 502 or 504.

mod connection;
mod origin;
mod server;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, VIA};
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
    service_fn(move |request: Request<B>| {
        let (cached, name) = (cached.clone(), options.name.clone());
        async move {
            let version = request.version();
            let request = match prepare(request, &name) {
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
            add_via(response.headers_mut(), Version::HTTP_11, &name);
            *response.version_mut() = version;
            Ok(response)
        }
    })
}

/// Settles what is forwarded. `Err` is the proxy's own answer.
fn prepare<B>(request: Request<B>, name: &str) -> Result<Request<RequestBody>, StatusCode>
where
    B: http_body::Body<Data = Bytes, Error = hyper::Error> + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    if passed_here(&parts.headers, name) {
        return Err(StatusCode::LOOP_DETECTED);
    }
    connection::strip_request(&mut parts.headers);
    settle_target(&mut parts.uri, &mut parts.headers)?;
    add_via(&mut parts.headers, parts.version, name);
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

/// `Via` names us already: the request has come round (RFC 9110 section 7.6.3).
fn passed_here(headers: &HeaderMap, name: &str) -> bool {
    headers
        .get_all(VIA)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|hop| {
            hop.split(u8::is_ascii_whitespace)
                .filter(|w| !w.is_empty())
                .nth(1)
        })
        .any(|by| by.eq_ignore_ascii_case(name.as_bytes()))
}

fn add_via(headers: &mut HeaderMap, received: Version, name: &str) {
    let version = match received {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        _ => "1.1",
    };
    if let Ok(hop) = HeaderValue::try_from(format!("{version} {name}")) {
        headers.append(VIA, hop);
    }
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
