//! What is known of the content of a QUERY request, beside the request.

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request};
use http_body::Body;
use larder_policy::key::QueryContent;
use sha2::{Digest, Sha256};

use super::replayed::{ReplayedBody, Then};

/// The part of the key that content makes.
#[derive(Clone)]
struct KeyedContent(QueryContent);

/// The content itself, to send it once more.
struct Replay<B: Body> {
    content: Bytes,
    rebuild: Rebuild<B>,
}

/// Makes an application's kind of body from content that was read.
pub(super) type Rebuild<B> = fn(ReplayedBody<B>) -> B;

impl<B: Body> Clone for Replay<B> {
    fn clone(&self) -> Self {
        Self {
            content: self.content.clone(),
            rebuild: self.rebuild,
        }
    }
}

impl<B: Body> Replay<B> {
    fn body(&self) -> B {
        (self.rebuild)(ReplayedBody::new(self.content.clone(), Then::End))
    }
}

/// Notes the content of a request, if that can be part of a key.
pub(super) fn note<B: Body + 'static>(
    headers: &HeaderMap,
    extensions: &mut Extensions,
    content: &Bytes,
    rebuild: Rebuild<B>,
) {
    let digest: [u8; 32] = Sha256::digest(content).into();
    let Ok(keyed) = QueryContent::new(headers, content.len() as u64, &digest) else {
        return;
    };
    let content = content.clone();
    extensions.insert(KeyedContent(keyed));
    extensions.insert(Replay { content, rebuild });
}

/// The part of the key that the content of a QUERY request makes. `None`: it was not read.
pub(crate) fn of(extensions: &Extensions) -> Option<&QueryContent> {
    extensions.get::<KeyedContent>().map(|keyed| &keyed.0)
}

/// How many extensions say something about content: its part of the key, and how to send it again.
pub(crate) fn count_in(extensions: &Extensions) -> usize {
    of(extensions).map_or(0, |_| 2)
}

/// The content of a request that is made once more: none, but for QUERY.
pub(crate) fn again<B: Body + Default + 'static>(extensions: &Extensions) -> B {
    let replay = extensions.get::<Replay<B>>();
    replay.map_or_else(B::default, Replay::body)
}

/// Puts back what describes the content of a QUERY request: it is part of its key.
pub(crate) fn describe<B>(request: &mut Request<B>, original: &HeaderMap) {
    if *request.method() != Method::QUERY {
        return;
    }
    for name in QueryContent::fields() {
        request.headers_mut().remove(&name);
        for line in original.get_all(&name) {
            request.headers_mut().append(&name, line.clone());
        }
    }
}
