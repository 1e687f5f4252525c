//! What it costs to wait for what another request fetches: time and memory of a follower, and how
//! long the first byte is on its way to the leader's client and to a follower.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use allocation_counter::measure;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Request};
use http_body_util::BodyExt;
use larder::{Cache, CacheLayer};
use larder_benches::{Case, Response, Rounds, bytes_of, direct, poll_once, request, requests};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

fn main() {
    let rounds = Rounds::from_args();
    rounds.group("waiting, for each", waiting_cases);
    rounds.group("first byte", || {
        let layer = || CacheLayer::new(Cache::builder().build()).with_cardinality_budget(u64::MAX);
        let layered = |reader| first_bytes(reader, layer());
        vec![
            first_bytes_bare(),
            layered(Reader::Leader),
            layered(Reader::Follower),
        ]
    });
    if !rounds.is_filtered() {
        memory();
    }
}

/// A thousand requests for one cold key, beside as many hits and as many forwards.
fn waiting_cases() -> Vec<Case<'static>> {
    let layer = || CacheLayer::new(Cache::builder().build());
    let hit = layer().layer(direct(bytes_of(2 << 10)));
    poll_once(&hit, request(Method::GET, PATH));
    let alone = layer().with_collapsing(false);
    let alone = alone.layer(unstorable(bytes_of(2 << 10)));
    vec![
        Case::with_input("a hit", requests(PATH), move |request| {
            poll_once(&hit, request)
        }),
        Case::with_input("a forward, not stored", requests(PATH), move |request| {
            poll_once(&alone, request)
        }),
        Case::new("a collapsed wait", |iterations| {
            let runtime = runtime();
            let (service, go) = gated();
            let mut time = Duration::ZERO;
            for _ in 0..iterations.div_ceil(CROWD) {
                time += runtime.block_on(crowd(&service, &go));
            }
            time * u32::try_from(iterations).unwrap_or(u32::MAX)
                / u32::try_from(iterations.div_ceil(CROWD) * CROWD).unwrap_or(u32::MAX)
        }),
    ]
}

/// From the call of the first to the last byte of the last, without the handler's own wait.
async fn crowd(service: &Inner, go: &Notify) -> Duration {
    let path = new_path();
    let inputs: Vec<_> = (0..CROWD).map(|_| request(Method::GET, &path)).collect();
    let start = Instant::now();
    let mut waiting: Vec<_> = inputs
        .into_iter()
        .map(|request| Box::pin(larder_benches::read(service, request)))
        .collect();
    for one in &mut waiting {
        assert!(is_pending(one.as_mut()));
    }
    go.notify_one();
    for one in waiting {
        assert_eq!(one.await, 2 << 10);
    }
    start.elapsed()
}

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(future.poll(&mut context), Poll::Pending)
}

type Inner = BoxCloneSyncService<Request<Body>, Response, Infallible>;

/// A cached handler that answers when it is told to.
fn gated() -> (Inner, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let told = Arc::clone(&go);
    let handler = service_fn(move |_: Request<Body>| {
        let told = Arc::clone(&told);
        async move {
            told.notified().await;
            let response = Response::new(Body::from(bytes_of(2 << 10)));
            Ok::<_, Infallible>(with(response, "max-age=600"))
        }
    });
    (layered(handler, Cache::builder().build()), go)
}

fn layered<S>(handler: S, cache: Cache) -> Inner
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync,
    S: 'static,
    S::Future: Send,
{
    let service = CacheLayer::new(cache).layer(handler);
    BoxCloneSyncService::new(service.map_response(|response| response.map(Body::new)))
}

fn unstorable(
    body: Bytes,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |_| {
        let response = Response::new(Body::from(body.clone()));
        std::future::ready(Ok(with(response, "no-store")))
    })
}

fn with(mut response: Response, cache_control: &'static str) -> Response {
    let value = HeaderValue::from_static(cache_control);
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

#[derive(Clone, Copy)]
enum Reader {
    Follower,
    Leader,
}

/// A body of 1 MiB of which only the first piece is ever sent.
fn slow() -> (Response, mpsc::Sender<Bytes>) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver: mpsc::Receiver<Bytes>| async move {
        Some((receiver.recv().await?, receiver))
    });
    let response = Response::new(Body::from_stream(pieces.map(Ok::<_, Infallible>)));
    (with(response, "max-age=600"), sender)
}

fn first_bytes_bare() -> Case<'static> {
    let runtime = runtime();
    Case::new("bare handler", move |iterations| {
        runtime.block_on(async {
            let mut time = Duration::ZERO;
            for _ in 0..iterations {
                let (response, sender) = slow();
                time += first_byte(response, sender).await;
            }
            time
        })
    })
}

fn first_bytes(reader: Reader, layer: CacheLayer) -> Case<'static> {
    let name = match reader {
        Reader::Follower => "follower",
        Reader::Leader => "leader",
    };
    let runtime = runtime();
    Case::new(name, move |iterations| {
        let layer = layer.clone().with_finish_on_disconnect(false);
        runtime.block_on(async move {
            let mut time = Duration::ZERO;
            for _ in 0..iterations {
                let (response, sender) = slow();
                let response = Arc::new(std::sync::Mutex::new(Some(response)));
                let service = layer.layer(service_fn(move |_: Request<Body>| {
                    let response = response.lock().expect("one thread").take();
                    std::future::ready(Ok::<_, Infallible>(response.expect("one call")))
                }));
                let path = new_path();
                let ask = || service.clone().oneshot(request(Method::GET, &path));
                let leading = ask().await.expect("infallible").map(Body::new);
                match reader {
                    Reader::Leader => time += first_byte(leading, sender).await,
                    Reader::Follower => {
                        let following = ask().await.expect("infallible").map(Body::new);
                        time += first_byte(following, sender).await;
                        drop(leading);
                    }
                }
                tokio::task::yield_now().await;
            }
            time
        })
    })
}

/// From the moment the handler has a piece to the moment its reader has it.
async fn first_byte(response: Response, sender: mpsc::Sender<Bytes>) -> Duration {
    let mut body = response.into_body();
    let reader = async {
        let frame = body.frame().await.expect("a frame").expect("no error");
        (frame, Instant::now())
    };
    let writer = async {
        // The reader waits, and so does whoever moves the body.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let start = Instant::now();
        sender.send(bytes_of(64 << 10)).await.expect("a reader");
        start
    };
    let ((frame, end), start) = futures_util::future::join(reader, writer).await;
    assert_eq!(frame.into_data().expect("data").len(), 64 << 10);
    end - start
}

/// What each of many followers holds while it waits, without its request.
fn memory() {
    let runtime = runtime();
    let (service, _go) = gated();
    let inputs: Vec<_> = (0..=CROWD).map(|_| request(Method::GET, PATH)).collect();
    let _guard = runtime.enter();
    let mut waiting = Vec::with_capacity(inputs.len());
    let held = measure(|| {
        for request in inputs {
            let mut call = Box::pin(service.clone().oneshot(request));
            assert!(is_pending(call.as_mut()));
            waiting.push(call);
        }
    });
    let each = held.bytes_current / i64::try_from(CROWD).unwrap_or(i64::MAX);
    println!("\n| memory of a follower | bytes |\n|---|---:|\n| while it waits | {each} |");
}

fn new_path() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("/products/{:08}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
}

const CROWD: u64 = 1000;
const PATH: &str = "/products/42?currency=eur";
