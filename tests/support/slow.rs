//! An inner service that takes its time, and clients that wait for it at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::{Cache, CacheBuilder, CacheLayer, CacheService, ResponseBody};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tower::{Layer, Service, ServiceExt};

use crate::{Feed, Reply, Seen, TestClock, feed, response};

/// What [`Slow`] says when it has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down;

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the inner service is down")
    }
}

impl std::error::Error for Down {}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Down>> + Send>>;

/// An inner service made of an `async` function. Clones are the same service.
#[derive(Clone)]
pub struct Slow {
    answer: Arc<dyn Fn(Seen, usize) -> Answering + Send + Sync>,
    counts: Arc<Mutex<Counts>>,
    unready: usize,
}

/// What happened to the calls of a [`Slow`] service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub calls: usize,
    /// Calls that are being answered now.
    pub inside: usize,
    /// Most calls that were being answered at the same time.
    pub overlap: usize,
    /// Calls whose future was dropped before it was ready.
    pub dropped: usize,
}

impl Slow {
    /// Answers with what the function makes of a request and of the number of calls before it.
    pub fn new<F>(answer: impl Fn(Seen, usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Response<Body>, Down>> + Send + 'static,
    {
        Self {
            answer: Arc::new(move |seen, before| Box::pin(answer(seen, before))),
            counts: Arc::default(),
            unready: 0,
        }
    }

    /// Each clone is ready only when it has been asked so often before.
    pub fn ready_after(self, unready: usize) -> Self {
        Self { unready, ..self }
    }

    /// Answers after a second.
    pub fn second(answer: impl Fn(&Seen, usize) -> Response<Body> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::new(move |seen, before| {
            let answer = Arc::clone(&answer);
            async move {
                sleep(Duration::from_secs(1)).await;
                Ok(answer(&seen, before))
            }
        })
    }

    /// Answers each call when the gate lets it pass.
    pub fn gated(
        answer: impl Fn(&Seen, usize) -> Response<Body> + Send + Sync + 'static,
    ) -> (Self, Gate) {
        let (answer, gate) = (Arc::new(answer), Gate::default());
        let passed = gate.clone();
        let slow = Self::new(move |seen, before| {
            let (answer, gate) = (Arc::clone(&answer), passed.clone());
            async move {
                gate.pass().await;
                Ok(answer(&seen, before))
            }
        });
        (slow, gate)
    }

    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    pub fn calls(&self) -> usize {
        self.counts().calls
    }
}

/// Answers whose first body is fed by hand, and whose later ones name the call.
pub fn fed_first(
    fields: &[(&'static str, &'static str)],
) -> (
    impl Fn(&Seen, usize) -> Response<Body> + Send + Sync + use<>,
    Feed,
) {
    let (feeder, body) = feed();
    let first = Mutex::new(Some(body));
    let fields = fields.to_vec();
    let answer = move |_: &Seen, calls| match first.lock().unwrap().take() {
        Some(body) => response(200, &fields, body),
        None => response(200, &fields, format!("call {}", calls + 1)),
    };
    (answer, feeder)
}

/// Where calls wait until they are let through, first come, first served.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets so many calls through.
    pub fn open(&self, calls: usize) {
        self.0.add_permits(calls);
    }

    pub async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

impl Service<Request<Body>> for Slow {
    type Response = Response<Body>;
    type Error = Down;
    type Future = Call;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Down>> {
        match self.unready.checked_sub(1) {
            None => Poll::Ready(Ok(())),
            Some(unready) => {
                self.unready = unready;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn call(&mut self, request: Request<Body>) -> Call {
        let (parts, _) = request.into_parts();
        let seen = Seen {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            extensions: parts.extensions,
        };
        let mut counts = self.counts.lock().unwrap();
        let before = counts.calls;
        counts.calls += 1;
        counts.inside += 1;
        counts.overlap = counts.overlap.max(counts.inside);
        Call {
            answering: (self.answer)(seen, before),
            counts: Arc::clone(&self.counts),
            answered: false,
        }
    }
}

/// A call of a [`Slow`] service.
pub struct Call {
    answering: Answering,
    counts: Arc<Mutex<Counts>>,
    answered: bool,
}

impl Future for Call {
    type Output = Result<Response<Body>, Down>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.answering.as_mut().poll(cx);
        self.answered = polled.is_ready();
        polled
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap();
        counts.inside -= 1;
        counts.dropped += usize::from(!self.answered);
    }
}

/// A response, or the inner service's error.
pub type Answered = Result<Response<ResponseBody<Body>>, Down>;

/// A cache in front of a [`Slow`] service, and the clock it goes by.
pub struct Crowd {
    pub cache: Cache,
    pub clock: TestClock,
    pub origin: Slow,
    pub service: CacheService<Slow>,
}

impl Crowd {
    pub fn new(origin: Slow) -> Self {
        Self::with(origin, |builder| builder, |layer| layer)
    }

    /// With these settings of the cache.
    pub fn with_cache(origin: Slow, set: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Self {
        Self::with(origin, set, |layer| layer)
    }

    /// With these settings of the layer.
    pub fn with_layer(origin: Slow, set: impl FnOnce(CacheLayer) -> CacheLayer) -> Self {
        Self::with(origin, |builder| builder, set)
    }

    pub fn with(
        origin: Slow,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Self {
        let clock = TestClock::default();
        let cache = cache(Cache::builder()).clock(clock.clock()).build();
        let service = layer(CacheLayer::new(cache.clone())).layer(origin.clone());
        Self {
            cache,
            clock,
            origin,
            service,
        }
    }

    /// A client of its own, which has yet to read the body.
    pub fn open(&self, request: Request<Body>) -> JoinHandle<Answered> {
        tokio::spawn(self.service.clone().oneshot(request))
    }

    /// A client of its own, which reads the whole response.
    pub fn send(&self, request: Request<Body>) -> Client {
        Client::of(self.service.clone().oneshot(request))
    }

    /// A client of its own that gets a path.
    pub fn get(&self, path: &str) -> Client {
        self.send(crate::get(path))
    }

    /// So many clients at once, each with a request of its own.
    pub fn send_all(
        &self,
        clients: usize,
        request: impl Fn(usize) -> Request<Body>,
    ) -> Vec<Client> {
        (0..clients)
            .map(|client| self.send(request(client)))
            .collect()
    }
}

/// A client that waits for its response.
pub struct Client(JoinHandle<Result<Reply, Down>>);

impl Client {
    /// A client that reads the whole of this response.
    pub fn of<C>(answered: impl Future<Output = Result<Response<C>, Down>> + Send + 'static) -> Self
    where
        C: http_body::Body + Send + 'static,
        C::Data: Send,
        C::Error: std::fmt::Debug,
    {
        Self(tokio::spawn(async move {
            Ok(Reply::read(answered.await?).await)
        }))
    }

    /// The whole response.
    pub async fn reply(self) -> Reply {
        self.result().await.expect("a response")
    }

    /// The response, or the inner service's error.
    pub async fn result(self) -> Result<Reply, Down> {
        let joined = timeout(FOREVER, self.0).await.expect("nobody hangs");
        joined.expect("no panic")
    }

    /// How the client ended: also by a panic.
    pub async fn is_panic(self) -> bool {
        let joined = timeout(FOREVER, self.0).await.expect("nobody hangs");
        joined.is_err_and(|error| error.is_panic())
    }

    pub fn is_done(&self) -> bool {
        self.0.is_finished()
    }

    /// Drops the client's future where it waits.
    pub fn leave(&self) {
        self.0.abort();
    }
}

/// The whole responses of these clients.
pub async fn replies(clients: Vec<Client>) -> Vec<Reply> {
    let mut replies = Vec::with_capacity(clients.len());
    for client in clients {
        replies.push(client.reply().await);
    }
    replies
}

/// Polls once, and has nobody woken.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// In virtual time: longer than anything waits that does not hang.
const FOREVER: Duration = Duration::from_secs(3600);
