//! What axum's router put into the extensions of a request.

use std::mem::take;
use std::net::SocketAddr;

use axum::extract::{
    ConnectInfo, FromRequestParts, MatchedPath, NestedPath, OriginalUri, RawPathParams,
};
use futures_util::FutureExt;
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
/// that credentials are made into.
pub(crate) fn framework_extensions(extensions: &mut Extensions) -> usize {
    let named = [
        extensions.get::<OriginalUri>().is_some(),
        extensions.get::<MatchedPath>().is_some(),
        extensions.get::<NestedPath>().is_some(),
        extensions.get::<ConnectInfo<SocketAddr>>().is_some(),
        has_path_params(extensions),
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
