//! [`Sent`]: the head of a request that is forwarded.

use std::mem;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Request, Uri};
use larder_policy::key::Key;
use larder_policy::{Credentials, RequestHead};

use crate::context::Context;
use crate::narrow::Withheld;
use crate::view::RequestView;

/// A request head kept while the inner service is not asked yet, and after the request itself has gone
/// to it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// What the request was narrowed to.
    key: Option<Arc<Key>>,
    /// Of the client's `no-cache`, where that was decided.
    no_cache_honoured: Option<bool>,
}

impl Sent {
    /// The fields are no longer in the request.
    pub(crate) fn take<B>(
        context: &Context,
        request: &mut Request<B>,
        no_cache_honoured: Option<bool>,
    ) -> Self {
        Self {
            method: request.method().clone(),
            uri: context.target_of(request).clone(),
            headers: mem::take(request.headers_mut()),
            key: context.key.clone(),
            no_cache_honoured,
        }
    }

    /// A copy of the fields goes back to the request that they were taken from.
    pub(crate) fn give_back<B>(&self, request: &mut Request<B>) {
        request.headers_mut().clone_from(&self.headers);
    }

    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// What functions see of it that say what depends on it, with the extensions of the request that it was
    /// taken from.
    pub(crate) fn view<'a>(
        &'a self,
        context: &'a Context,
        extensions: &'a Extensions,
    ) -> RequestView<'a> {
        RequestView {
            method: &self.method,
            uri: &self.uri,
            headers: &self.headers,
            extensions,
            route: context.route_in_key(extensions),
        }
    }

    pub(crate) fn head(&self) -> RequestHead<'_> {
        self.head_with(&self.headers)
    }

    /// The same head with other fields.
    pub(crate) fn head_with<'a>(&'a self, headers: &'a HeaderMap) -> RequestHead<'a> {
        let head = RequestHead::new(&self.method, &self.uri, headers, false)
            .with_no_cache_honoured(self.no_cache_honoured);
        match &self.key {
            Some(key) => head.narrowed_to(key),
            None => head,
        }
    }
}

/// Which credentials a request has, and whether it hints at others, should anybody ask.
pub(crate) fn credentials<B>(context: &Context, request: &Request<B>) -> Credentials {
    let (method, uri, fields) = (request.method(), request.uri(), request.headers());
    let sent = RequestHead::new(method, uri, fields, false).credentials();
    let credentials = sent.and(Withheld::of(request.extensions()));
    if context.key.is_some() && !request.extensions().is_empty() {
        credentials.with_hints(fields)
    } else {
        credentials
    }
}
