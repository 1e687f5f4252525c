//! Shadow calls: the inner service is asked for what a client was answered from the store with. Of
//! its answer nothing is kept but a digest.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use larder_policy::key::{InputKind, remove_cookie, without_parameter};
use sha2::{Digest as _, Sha256};
use tower_service::Service;

use crate::body::poll_inner;
use crate::body_error::BoxError;
use crate::context::Context;
use crate::entry::Entry;
use crate::errand::Errand;
use crate::probe::Probe;
use crate::record::Name;
use crate::verifier::Verifier;

/// An inner service, for the calls of one check.
pub(crate) struct Shadow<S> {
    pub(crate) context: Arc<Context>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) inner: S,
    /// The first call was spent when the hit was chosen.
    pub(crate) begun: bool,
}

/// What stands for status, compared fields and body of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

/// An answer of the inner service.
pub(crate) struct Given {
    pub(crate) digest: Digest,
    pub(crate) status: StatusCode,
}

impl<S> Shadow<S> {
    /// One call. `None` is no answer, or one that says nothing about the resource.
    pub(crate) async fn ask<B, C>(&mut self, request: &Request<()>) -> Option<Given>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
        C::Error: Into<BoxError>,
    {
        if self.begun {
            let now = self.context.cache.shared().clock.now();
            self.verifier.overdraw(now);
        }
        self.begun = true;
        let request = request.clone().map(|()| B::default());
        let reads = *request.method() != Method::HEAD;
        poll_fn(|cx| self.inner.poll_ready(cx)).await.ok()?;
        let (parts, body) = self.inner.call(request).await.ok()?.into_parts();
        if OF_THE_MOMENT.contains(&parts.status.as_u16()) {
            return None;
        }
        let compared = &self.verifier.verify.headers;
        let mut digest = digest_of_head(parts.status, &parts.headers, compared);
        let mut left = self.context.compared_bytes(&self.verifier);
        let mut body = pin!(body);
        while reads && let Some(frame) = poll_fn(|cx| poll_inner(body.as_mut(), cx)).await {
            if let Ok(data) = frame.ok()?.into_data() {
                left = left.checked_sub(data.len() as u64)?;
                digest.update(&data);
            }
            tokio::task::coop::consume_budget().await;
        }
        Some(Given {
            digest: Digest(digest.finalize().into()),
            status: parts.status,
        })
    }

    /// What the client was answered with, as [`ask`](Self::ask) has it.
    pub(crate) fn stored(&self, method: &Method, entry: &Entry) -> Digest {
        let (head, compared) = (&entry.head, &self.verifier.verify.headers);
        let mut digest = digest_of_head(head.status(), &head.headers(), compared);
        if *method != Method::HEAD {
            digest.update(entry.body());
        }
        Digest(digest.finalize().into())
    }
}

impl Context {
    /// Larger bodies are not compared.
    pub(crate) fn compared_bytes(&self, verifier: &Verifier) -> u64 {
        let stored = self.cache.shared().limits.max_body_bytes;
        verifier.verify.max_body_bytes.min(stored)
    }

    /// The request that a client sent, with undeclared inputs and all. Declared ones are as the inner
    /// service sees them on a miss: what it makes of others' spellings was never stored.
    pub(crate) fn shadow_request<B>(&self, client: &Request<B>) -> Request<()> {
        let mut request = Request::new(());
        let key = self.key.as_deref();
        *request.method_mut() = client.method().clone();
        *request.version_mut() = client.version();
        *request.uri_mut() = client.uri().clone();
        *request.extensions_mut() = client.extensions().clone();
        // Whoever keeps the store filled was answered with the hit.
        request.extensions_mut().remove::<Errand>();
        request.extensions_mut().remove::<Probe>();
        *request.headers_mut() = self.policy.shadow_fields(key, client.headers());
        if let Some(key) = key {
            self.set_uris(&mut request, |uri| key.shadow_uri(uri));
        }
        request
    }

    /// What the inner service would see of a request on a miss.
    pub(crate) fn narrowed_shadow(&self, request: &Request<()>) -> Request<()> {
        let mut request = request.clone();
        self.narrow_unsent(&mut request);
        request
    }

    /// The same request without these inputs.
    pub(crate) fn without(&self, request: &Request<()>, names: &[Name]) -> Request<()> {
        let mut request = request.clone();
        for name in names {
            match name.kind {
                InputKind::Cookie => remove_cookie(request.headers_mut(), &name.bytes),
                InputKind::Extension => {
                    let extensions = request.extensions_mut();
                    self.for_each_unkeyed_identity(|of| {
                        if of.name().as_bytes() == &*name.bytes {
                            of.remove_from(extensions);
                        }
                    });
                }
                InputKind::Header => {
                    if let Ok(field) = HeaderName::from_bytes(&name.bytes) {
                        request.headers_mut().remove(field);
                    }
                }
                InputKind::Query => {
                    self.set_uris(&mut request, |uri| without_parameter(uri, &name.bytes));
                }
                // Nobody can tell what another path would lead to.
                _ => {}
            }
        }
        request
    }
}

fn digest_of_head(status: StatusCode, headers: &HeaderMap, compared: &[HeaderName]) -> Sha256 {
    let mut digest = Sha256::new();
    digest.update(status.as_u16().to_be_bytes());
    for name in compared {
        let lines = headers.get_all(name);
        digest.update((lines.iter().count() as u64).to_be_bytes());
        for line in lines {
            digest.update((line.len() as u64).to_be_bytes());
            digest.update(line);
        }
    }
    digest
}

/// These speak of the moment, or of conditions that nobody made.
const OF_THE_MOMENT: [u16; 7] = [304, 408, 425, 429, 502, 503, 504];
