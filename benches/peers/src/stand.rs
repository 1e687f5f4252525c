//! What every cache here looks like to the measurements, whatever its types are.

use std::fmt::Debug;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use allocation_counter::measure;
use axum::body::Body;
use bytes::Bytes;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use larder_benches::{read, watch};
use tower::{Service, ServiceExt};

/// A response that was read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Bytes,
}

/// An application with or without a cache. Everything runs in a tokio runtime.
pub(crate) trait Stand: Send {
    /// What another connection of a server has.
    fn another(&self) -> Box<dyn Stand>;

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Answer>;

    /// How long these answers take, one after the other.
    fn time(&self, requests: Vec<Request<Body>>) -> LocalBoxFuture<'_, Duration>;

    /// How often one answer allocates, from the call to the end of the body.
    fn allocations(&self, request: Request<Body>) -> u64;
}

pub(crate) fn stand<S, C>(service: S) -> Box<dyn Stand>
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Debug,
    C: http_body::Body<Data = Bytes, Error: Debug> + Send + 'static,
{
    Box::new(Of(service))
}

struct Of<S>(S);

impl<S, C> Stand for Of<S>
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Debug,
    C: http_body::Body<Data = Bytes, Error: Debug> + Send + 'static,
{
    fn another(&self) -> Box<dyn Stand> {
        stand(self.0.clone())
    }

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Answer> {
        let service = self.0.clone();
        Box::pin(async move {
            let response = service.oneshot(request).await.expect("an answer");
            let (head, body) = response.into_parts();
            Answer {
                status: head.status,
                fields: head.headers,
                body: body.collect().await.expect("a body").to_bytes(),
            }
        })
    }

    fn time(&self, requests: Vec<Request<Body>>) -> LocalBoxFuture<'_, Duration> {
        Box::pin(async move {
            let start = watch();
            for request in requests {
                black_box(read(&self.0, request).await);
            }
            watch() - start
        })
    }

    fn allocations(&self, request: Request<Body>) -> u64 {
        measure(|| {
            let mut read = pin!(read(&self.0, request));
            let mut context = Context::from_waker(Waker::noop());
            while read.as_mut().poll(&mut context).is_pending() {}
        })
        .count_total
    }
}
