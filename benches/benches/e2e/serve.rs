//! The servers that are our own, each in a process of its own.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::os::unix::process::parent_id;
use std::time::Duration;
use std::{io, thread};

use axum::ServiceExt;
use axum::body::Body;
use axum::extract::Request;
use clap::ValueEnum;
use http::uri::Authority;
use larder::{Cache, CacheLayer, Policy};
use larder_benches::{Response, bytes_of, handler, routed};
use reverse_proxy::{Options, proxy};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder};

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// The handler alone.
    Bare,
    /// The layer on the handler's route.
    Route,
    /// The layer around the router.
    Around,
    /// The reverse proxy of the examples, in front of an origin.
    Proxy,
}

impl Shape {
    /// As the command line names it.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Serves a body of so many KiB until the process that started this one is gone.
pub(crate) fn serve(
    shape: Shape,
    address: SocketAddr,
    origin: Option<SocketAddr>,
    kib: usize,
    threads: usize,
) -> io::Result<()> {
    end_with(parent_id());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        let route = handler(bytes_of(kib << 10));
        match shape {
            Shape::Bare => axum::serve(listener, routed(route)).await,
            Shape::Route => axum::serve(listener, routed(route.layer(layer()))).await,
            Shape::Around => serve_service(listener, around(layer(), routed(route))).await,
            Shape::Proxy => {
                let service = proxy(Options {
                    origin: authority(origin)?,
                    policy: Policy::shared(),
                    cache: Cache::builder().build(),
                    name: "larder".to_owned(),
                    timeout: Duration::from_secs(5),
                });
                reverse_proxy::serve(listener, service, pending()).await
            }
        }
    })
}

fn layer() -> CacheLayer {
    CacheLayer::new(Cache::builder().build())
}

fn authority(origin: Option<SocketAddr>) -> io::Result<Authority> {
    let origin = origin.map(|origin| origin.to_string()).unwrap_or_default();
    origin.parse().map_err(io::Error::other)
}

/// In the body that `axum::serve` takes.
fn around(
    layer: CacheLayer,
    router: axum::Router,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    ServiceBuilder::new()
        .map_response(|response: http::Response<_>| response.map(Body::new))
        .service(layer.layer(router))
}

async fn serve_service<S>(listener: TcpListener, service: S) -> io::Result<()>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Future + Send,
{
    axum::serve(listener, service.into_make_service()).await
}

/// Whoever started this may be killed without a chance to end it.
fn end_with(parent: u32) {
    thread::spawn(move || {
        while parent_id() == parent {
            thread::sleep(Duration::from_millis(500));
        }
        std::process::exit(1);
    });
}
