//! One request that the application makes for the cache's own sake, read to the end of its body.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Buf;
use http::{Request, Response, StatusCode};
use http_body::Body;
use larder_policy::fields::{CacheName, CacheStatus, Handled};
use tower_service::Service;

use crate::cache::Cache;
use crate::errand::{Came, Errand};

/// A response that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// What `Cache-Status` says.
    pub(super) handled: Option<Handled>,
    pub(super) came: Option<Came>,
    pub(super) bytes: u64,
}

/// No response, half a response, or none in the time that work has which no client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

/// How requests are made.
#[derive(Clone)]
pub(super) struct Asking<S> {
    pub(super) cache: Cache,
    pub(super) service: S,
    pub(super) name: CacheName,
}

impl<S> Asking<S> {
    pub(super) async fn ask<B, C>(
        self,
        mut request: Request<B>,
        errand: Errand,
    ) -> Result<Answer, Lost>
    where
        S: Service<Request<B>, Response = Response<C>>,
        C: Body,
    {
        request.extensions_mut().insert(errand.clone());
        let within = self.within();
        let cache = self.cache.clone();
        let read = read(self.service, request, &self.name);
        let answer = cache.shared().timer.timeout(within, read).await;
        let answer = answer.map_err(|_| Lost)??;
        let came = errand.came();
        Ok(Answer { came, ..answer })
    }

    fn within(&self) -> Duration {
        self.cache.shared().background.within()
    }
}

async fn read<S, B, C>(
    mut service: S,
    request: Request<B>,
    name: &CacheName,
) -> Result<Answer, Lost>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
    ready.map_err(|_| Lost)?;
    let response = service.call(request).await.map_err(|_| Lost)?;
    let (parts, body) = response.into_parts();
    let mut body = pin!(body);
    let mut bytes = 0;
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| Lost)?;
        bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
    }
    Ok(Answer {
        status: parts.status,
        handled: CacheStatus::read(&parts.headers, name),
        came: None,
        bytes,
    })
}
