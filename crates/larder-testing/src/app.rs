//! The application under test.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use larder::{Probe, Probed};
use tower::{Service, ServiceExt};

use crate::untestable::Untestable;

/// An application, and how to ask it.
pub(crate) struct App<S, B> {
    service: S,
    request: PhantomData<fn(B)>,
}

/// What came back, as clients see it; with what the cache said, if it was asked.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) probed: Option<Probed>,
}

impl<S, B, C> App<S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    S::Error: fmt::Debug,
    B: Default,
    C: Body,
    C::Error: fmt::Debug,
{
    pub(crate) fn new(service: S) -> Self {
        Self {
            service,
            request: PhantomData,
        }
    }

    /// Sends a request without content.
    pub(crate) async fn ask(&self, parts: &Parts) -> Result<Reply, Untestable> {
        let failed = |error: &dyn fmt::Debug| Untestable::failed(parts, error);
        let request = Request::from_parts(parts.clone(), B::default());
        let service = self.service.clone();
        let response = service
            .oneshot(request)
            .await
            .map_err(|error| failed(&error))?;
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| failed(&error))?;
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
            probed: head.extensions.remove(),
        })
    }

    /// Sends a request past the cache.
    pub(crate) async fn probe(&self, parts: &Parts, probe: Probe) -> Result<Reply, Untestable> {
        let mut parts = parts.clone();
        parts.extensions.insert(probe);
        self.ask(&parts).await
    }

    /// Sends a request past the cache, which has to be there.
    pub(crate) async fn probed(&self, parts: &Parts, probe: Probe) -> Result<Probed, Untestable> {
        let reply = self.probe(parts, probe).await?;
        reply.probed.ok_or_else(|| Untestable::no_cache(parts))
    }
}
