//! Servers with a cache in them, and clients to talk to them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use larder::policy::Scheme;
use larder::{Cache, CacheLayer, Policy};
use larder_tests::{Reply, TestClock};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt, service_fn};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    Axum,
    Hyper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

pub const ALL: [(Stack, Protocol); 4] = [
    (Stack::Axum, Protocol::Http1),
    (Stack::Axum, Protocol::Http2),
    (Stack::Hyper, Protocol::Http1),
    (Stack::Hyper, Protocol::Http2),
];

/// Runs a test on every stack with every protocol. What waits for ever fails.
pub async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Stack, Protocol) -> F) {
    for (stack, protocol) in ALL {
        within(test(stack, protocol)).await;
    }
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, work)
        .await
        .expect("an answer within 20 seconds")
}

type Handler = dyn Fn(Request<Body>, usize) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// A server on a port of its own with a cache around its handler. Dropped, it stops.
pub struct Site {
    pub address: SocketAddr,
    pub cache: Cache,
    pub clock: TestClock,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Site {
    /// The handler gets the request and the number of calls before it.
    pub async fn start<F, Fut>(stack: Stack, handler: F) -> Self
    where
        F: Fn(Request<Body>, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::with_layer(stack, |layer| layer, handler).await
    }

    /// The same, with these settings of the layer.
    pub async fn with_layer<F, Fut>(
        stack: Stack,
        set: impl FnOnce(CacheLayer) -> CacheLayer,
        handler: F,
    ) -> Self
    where
        F: Fn(Request<Body>, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = TestClock::default();
        let cache = Cache::builder().clock(clock.clock()).build();
        // One scheme, so that a URL has one key whatever the protocol.
        let policy = Policy::shared().with_default_scheme(Scheme::Http);
        let layer = set(CacheLayer::new(cache.clone()).with_policy(policy));
        let calls = Arc::new(AtomicUsize::new(0));
        let inner = counted(
            Arc::clone(&calls),
            Arc::new(move |r, n| handler(r, n).boxed()),
        );
        let server = match stack {
            Stack::Axum => {
                let app = Router::new().fallback_service(inner).layer(layer);
                tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })
            }
            Stack::Hyper => tokio::spawn(serve_hyper(listener, layer.layer(inner))),
        };
        Self {
            address,
            cache,
            clock,
            calls,
            server,
        }
    }

    /// A site that answers with these fields and this text.
    pub async fn of(stack: Stack, fields: &'static [(&str, &str)], text: &'static str) -> Self {
        Self::start(stack, move |_, _| async move {
            response(fields, Body::from(text))
        })
        .await
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn counted(
    calls: Arc<AtomicUsize>,
    handler: Arc<Handler>,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = BoxFuture<'static, Result<Response<Body>, Infallible>>,
> + Clone
+ Send
+ Sync
+ 'static {
    service_fn(move |request| {
        let before = calls.fetch_add(1, Ordering::SeqCst);
        handler(request, before).map(Ok).boxed()
    })
}

/// The cache needs request bodies that can be made anew; hyper's own cannot, axum's can.
async fn serve_hyper<S, C>(listener: TcpListener, service: S)
where
    S: Service<Request<Body>, Response = Response<C>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    C: http_body::Body<Data = Bytes> + Send + 'static,
    C::Error: Into<tower::BoxError>,
{
    let service = service.map_request(|request: Request<Incoming>| request.map(Body::new));
    // Whoever drops this future stops the connections too.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service.clone());
        connections.spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that leaves is an error here, and part of some tests.
            let socket = TokioIo::new(socket);
            let _ = server.serve_connection_with_upgrades(socket, service).await;
        });
    }
}

/// One connection. Dropped, it is closed.
pub struct Client {
    sender: Sender,
    address: SocketAddr,
    connection: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    pub async fn open(site: &Site, protocol: Protocol) -> Self {
        Self::to(site.address, protocol).await
    }

    pub async fn to(address: SocketAddr, protocol: Protocol) -> Self {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.unwrap();
                let connection = tokio::spawn(connection.with_upgrades().map(drop));
                (Sender::Http1(sender), connection)
            }
            Protocol::Http2 => {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.unwrap();
                let connection = tokio::spawn(connection.map(drop));
                (Sender::Http2(sender), connection)
            }
        };
        Self {
            sender,
            address,
            connection,
        }
    }

    /// Another handle to the same connection, which must be of HTTP/2.
    pub fn another(&self) -> Self {
        let Sender::Http2(sender) = &self.sender else {
            panic!("HTTP/1.1 has one request at a time")
        };
        Self {
            sender: Sender::Http2(sender.clone()),
            address: self.address,
            connection: tokio::spawn(async {}),
        }
    }

    /// Sends a request and returns when the head of its response is there.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Body,
    ) -> Response<Incoming> {
        self.try_send(method, path, fields, body)
            .await
            .expect("a response")
    }

    async fn try_send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Body,
    ) -> hyper::Result<Response<Incoming>> {
        let address = self.address;
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        match &mut self.sender {
            Sender::Http1(sender) => {
                let request = request.uri(path).header("host", address.to_string());
                sender.ready().await.expect("the connection is open");
                sender.send_request(request.body(body).unwrap()).await
            }
            Sender::Http2(sender) => {
                let request = request.uri(format!("http://{address}{path}"));
                sender.ready().await.expect("the connection is open");
                sender.send_request(request.body(body).unwrap()).await
            }
        }
    }

    /// Sends a request without content and reads the whole response.
    pub async fn read(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        Reply::read(self.send(method, path, fields, Body::empty()).await).await
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.read("GET", path, &[]).await
    }

    /// A GET whose response cannot be read to its end, if it begins at all.
    pub async fn get_broken(&mut self, path: &str) {
        let whole = match self.try_send("GET", path, &[], Body::empty()).await {
            Ok(response) => response.into_body().collect().await.is_ok(),
            Err(_) => false,
        };
        assert!(!whole, "the response is complete");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

pub fn response(fields: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut builder = Response::builder();
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap()
}

/// A piece of a body, or what breaks it off.
pub type Chunk = Result<Bytes, std::io::Error>;

/// A body that is written from outside, piece by piece.
pub fn channel() -> (mpsc::Sender<Chunk>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let chunks = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    (sender, Body::from_stream(chunks))
}

/// A body of unstated length in these pieces.
pub fn pieces(pieces: &'static [&str]) -> Body {
    let chunks = pieces
        .iter()
        .map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece.as_bytes())));
    Body::from_stream(stream::iter(chunks))
}
