//! Permits of an inner service: none is kept that is not used.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response};
use larder::{Cache, CacheLayer, CacheService, Policy};
use larder_tests::{Reply, get, request, response, settle, stack};
use tokio::sync::Notify;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

const FRESH: [(&str, &str); 1] = [("cache-control", "max-age=60")];

fn ok() -> Response<Body> {
    response(200, &FRESH, "body")
}

/// An inner service that waits for permission before each answer, and counts who is inside.
#[derive(Clone, Default)]
struct Gate {
    go: Arc<Notify>,
    inside: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Gate {
    fn service(
        &self,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + use<> {
        let gate = self.clone();
        service_fn(move |_: Request<Body>| {
            let gate = gate.clone();
            async move {
                gate.calls.fetch_add(1, Ordering::SeqCst);
                gate.inside.fetch_add(1, Ordering::SeqCst);
                let _leave = Leave(Arc::clone(&gate.inside));
                gate.go.notified().await;
                Ok(ok())
            }
        })
    }

    fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }
}

struct Leave(Arc<AtomicUsize>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn cached<S>(inner: S, finish: bool) -> CacheService<S> {
    let cache = Cache::builder().build();
    let layer = CacheLayer::new(cache).with_finish_on_disconnect(finish);
    layer.layer(inner)
}

#[tokio::test]
async fn hits_and_misses_leak_no_permit_of_a_concurrency_limit() {
    for finish in [true, false] {
        let gate = Gate::default();
        let service = cached(ConcurrencyLimit::new(gate.service(), 1), finish);
        for round in 0..20 {
            let path = format!("/{round}");
            let mut miss = pin!(service.clone().oneshot(get(&path)));
            assert!(miss.as_mut().now_or_never().is_none());
            assert_eq!(gate.inside(), 1, "{round}");
            // A second one waits for the permit; hits do not.
            let mut waiting = Box::pin(service.clone().oneshot(get(&format!("/waiting{path}"))));
            assert!(waiting.as_mut().now_or_never().is_none());
            for earlier in 0..round {
                assert!(is_hit(&service, &format!("/{earlier}")).await);
            }
            assert_eq!(gate.inside(), 1);
            gate.go.notify_one();
            Reply::read(miss.await.unwrap()).await;
            drop(waiting);
            settle().await;
            // The one that waited was never called: it gives up with its client.
            assert_eq!(
                (gate.inside(), gate.calls.load(Ordering::SeqCst)),
                (0, round + 1)
            );
        }
    }
}

#[tokio::test]
async fn dropped_futures_leak_no_permit_of_a_concurrency_limit() {
    for finish in [true, false] {
        let gate = Gate::default();
        let service = cached(ConcurrencyLimit::new(gate.service(), 2), finish);
        for round in 0..10 {
            let path = format!("/{round}");
            let forwarded = [
                (get(&path), finish),
                (request("POST", "/a", &[]), finish),
                (request("GET", &path, &[("if-match", "*")]), false),
            ];
            for (request, goes_on) in forwarded {
                let mut dropped = Box::pin(service.clone().oneshot(request));
                assert!(dropped.as_mut().now_or_never().is_none());
                assert_eq!(gate.inside(), 1, "{round}");
                drop(dropped);
                assert_eq!(gate.inside(), usize::from(goes_on));
                if goes_on {
                    settle().await;
                    gate.go.notify_one();
                    settle().await;
                    assert_eq!(gate.inside(), 0);
                    assert!(is_hit(&service, &path).await);
                }
            }
            drop(service.clone().call(get("/never/polled")));
        }
        let mut first = pin!(service.clone().oneshot(get("/b")));
        let mut second = pin!(service.clone().oneshot(get("/c")));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(gate.inside(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn call_without_a_client_gives_its_permit_back_when_it_takes_too_long() {
    let gate = Gate::default();
    let service = cached(ConcurrencyLimit::new(gate.service(), 1), true);
    let mut dropped = Box::pin(service.clone().oneshot(get("/a")));
    assert!(dropped.as_mut().now_or_never().is_none());
    drop(dropped);
    for (seconds, inside) in [(59, 1), (1, 0)] {
        settle().await;
        tokio::time::advance(Duration::from_secs(seconds)).await;
        settle().await;
        assert_eq!(gate.inside(), inside);
    }
    let mut next = pin!(service.oneshot(get("/a")));
    assert!(next.as_mut().now_or_never().is_none());
    assert_eq!(gate.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn leader_in_line_for_a_permit_keeps_its_place_for_its_followers() {
    for followed in [true, false] {
        let gate = Gate::default();
        let service = cached(ConcurrencyLimit::new(gate.service(), 1), true);
        let mut busy = pin!(service.clone().oneshot(get("/busy")));
        assert!(busy.as_mut().now_or_never().is_none());
        let mut leader = Box::pin(service.clone().oneshot(get("/a")));
        assert!(leader.as_mut().now_or_never().is_none());
        let mut follower = pin!(service.clone().oneshot(get("/a")));
        if followed {
            assert!(follower.as_mut().now_or_never().is_none());
        }
        drop(leader);
        gate.go.notify_one();
        Reply::read(busy.await.unwrap()).await;
        settle().await;
        assert_eq!(gate.inside(), usize::from(followed));
        if followed {
            gate.go.notify_one();
            assert_eq!(Reply::read(follower.await.unwrap()).await.status, 200);
        }
    }
}

#[tokio::test]
async fn load_shed_inside_sheds_what_is_forwarded_and_no_hit() {
    let gate = Gate::default();
    let inner = LoadShed::new(ConcurrencyLimit::new(gate.service(), 1));
    let (_, _, service) = stack(inner, Policy::shared());
    let mut first = pin!(service.clone().oneshot(get("/a")));
    assert!(first.as_mut().now_or_never().is_none());
    gate.go.notify_one();
    Reply::read(first.await.unwrap()).await;
    let mut busy = pin!(service.clone().oneshot(get("/b")));
    assert!(busy.as_mut().now_or_never().is_none());
    for _ in 0..5 {
        assert!(
            Reply::read(service.clone().oneshot(get("/a")).await.unwrap())
                .await
                .is_hit()
        );
        let shed = [
            get("/c"),
            request("POST", "/a", &[]),
            request("GET", "/a", &[("if-match", "*")]),
        ];
        for request in shed {
            let error: BoxError = service.clone().oneshot(request).await.unwrap_err();
            assert!(error.is::<Overloaded>());
        }
    }
    gate.go.notify_one();
    Reply::read(busy.await.unwrap()).await;
    let mut after = pin!(service.clone().oneshot(get("/c")));
    assert!(after.as_mut().now_or_never().is_none());
    assert_eq!(gate.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn buffer_inside_keeps_its_slots() {
    for finish in [true, false] {
        let gate = Gate::default();
        let service = cached(Buffer::new(gate.service(), 2), finish);
        for round in 0..10 {
            // More than there are slots: taken and given back.
            for n in 0..5 {
                let path = format!("/dropped/{round}/{n}");
                let mut dropped = Box::pin(service.clone().oneshot(get(&path)));
                assert!(dropped.as_mut().now_or_never().is_none());
            }
            settle().await;
            // As many were called as there are slots; the others gave up with their clients.
            assert_eq!(gate.inside(), if finish { 2 } else { 0 });
            gate.go.notify_waiters();
            settle().await;
            assert_eq!(gate.inside(), 0);
            let path = format!("/{round}");
            let answer = tokio::spawn(service.clone().oneshot(get(&path)));
            settle().await;
            assert_eq!(gate.inside(), 1);
            gate.go.notify_one();
            Reply::read(answer.await.unwrap().unwrap()).await;
            assert!(is_hit(&service, &path).await);
        }
    }
}

/// Whether a request is answered at its first poll.
async fn is_hit<S>(service: &CacheService<S>, path: &str) -> bool
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Debug + Send,
{
    let hit = service.clone().oneshot(get(path)).now_or_never();
    Reply::read(hit.unwrap().unwrap()).await.is_hit()
}
