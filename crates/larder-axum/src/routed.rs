//! What axum's router put into the extensions of a request.

use std::convert::Infallible;
use std::mem::take;
use std::net::SocketAddr;

use axum::RequestExt;
use axum::body::{Body, HttpBody};
use axum::extract::{
    ConnectInfo, FromRequestParts, MatchedPath, NestedPath, OriginalUri, RawPathParams,
};
use futures_util::{FutureExt, stream};
use http::{Extensions, Request, Uri};

pub(crate) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|original| &original.0)
}

pub(crate) fn set_original_uri(extensions: &mut Extensions, uri: Uri) {
    extensions.insert(OriginalUri(uri));
}

pub(crate) fn route_name(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// How many extensions are the router's own, or say over which connection the request came: a
/// response that depends on the path has it in its key, and who asks over which address is nothing
/// that credentials are made into. Where axum gives a type no name and no way to tell whether it is
/// there, it is not counted, and responses to requests with credentials are not stored: that is so of
/// a service right inside `nest_service`.
pub(crate) fn framework_extensions(extensions: &mut Extensions) -> usize {
    let named = [
        extensions.get::<OriginalUri>().is_some(),
        extensions.get::<MatchedPath>().is_some(),
        extensions.get::<NestedPath>().is_some(),
        extensions.get::<ConnectInfo<SocketAddr>>().is_some(),
        has_path_params(extensions),
        has_body_limit(extensions),
    ];
    named.into_iter().filter(|is| *is).count()
}

/// The type in which axum keeps the parameters of the path has no public name; an extractor tells
/// whether they are there.
fn has_path_params(extensions: &mut Extensions) -> bool {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.extensions = take(extensions);
    let found = RawPathParams::from_request_parts(&mut parts, &()).now_or_never();
    *extensions = parts.extensions;
    matches!(found, Some(Ok(_)))
}

/// Nor has the type in which `DefaultBodyLimit` keeps what it was set to. A body of unknown length
/// tells what the limit is.
fn has_body_limit(extensions: &mut Extensions) -> bool {
    body_limit(extensions) != body_limit(&mut Extensions::new())
}

fn body_limit(extensions: &mut Extensions) -> Option<u64> {
    let endless = stream::empty::<Result<&[u8], Infallible>>();
    let mut request = Request::new(Body::from_stream(endless));
    *request.extensions_mut() = take(extensions);
    let (parts, body) = request.with_limited_body().into_parts();
    *extensions = parts.extensions;
    body.size_hint().upper()
}
