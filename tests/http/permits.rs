//! Permits of an inner service: none is kept that is not used.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response};
use larder::Policy;
use larder_tests::{Reply, get, request, response, stack};
use tokio::sync::Notify;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Service, ServiceExt, service_fn};

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

#[tokio::test]
async fn hits_and_misses_leak_no_permit_of_a_concurrency_limit() {
    let gate = Gate::default();
    let (_, _, service) = stack(ConcurrencyLimit::new(gate.service(), 1), Policy::shared());
    for round in 0..20 {
        let path = format!("/{round}");
        let mut miss = pin!(service.clone().oneshot(get(&path)));
        assert!(miss.as_mut().now_or_never().is_none());
        assert_eq!(gate.inside(), 1, "{round}");
        // A second one waits for the permit; hits do not.
        let mut waiting = pin!(service.clone().oneshot(get("/waiting")));
        assert!(waiting.as_mut().now_or_never().is_none());
        for earlier in 0..round {
            let hit = service.clone().oneshot(get(&format!("/{earlier}")));
            let hit = Reply::read(hit.now_or_never().unwrap().unwrap()).await;
            assert!(hit.is_hit());
        }
        assert_eq!(gate.inside(), 1);
        gate.go.notify_one();
        Reply::read(miss.await.unwrap()).await;
        // The one that waited gives up.
        assert_eq!(gate.inside(), 0);
    }
}

#[tokio::test]
async fn dropped_futures_leak_no_permit_of_a_concurrency_limit() {
    let gate = Gate::default();
    let limit = ConcurrencyLimit::new(gate.service(), 2);
    let (_, _, service) = stack(limit, Policy::shared());
    for round in 0..10 {
        let forwarded = [
            get("/a"),
            request("POST", "/a", &[]),
            request("GET", "/a", &[("if-match", "*")]),
        ];
        for request in forwarded {
            let mut dropped = Box::pin(service.clone().oneshot(request));
            assert!(dropped.as_mut().now_or_never().is_none());
            assert_eq!(gate.inside(), 1, "{round}");
            drop(dropped);
            assert_eq!(gate.inside(), 0);
        }
        drop(service.clone().call(get("/a")));
    }
    let mut first = pin!(service.clone().oneshot(get("/b")));
    let mut second = pin!(service.clone().oneshot(get("/c")));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(gate.inside(), 2);
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
    let gate = Gate::default();
    let inner = Buffer::new(gate.service(), 2);
    let (_, _, service) = stack(inner, Policy::shared());
    for round in 0..10 {
        // More than there are slots: taken and given back.
        for n in 0..5 {
            let mut dropped = Box::pin(service.clone().oneshot(get(&format!("/dropped/{n}"))));
            let _ = dropped.as_mut().now_or_never();
        }
        tokio::task::yield_now().await;
        let path = format!("/{round}");
        let answer = tokio::spawn(service.clone().oneshot(get(&path)));
        while gate.inside() == 0 {
            tokio::task::yield_now().await;
        }
        gate.go.notify_one();
        Reply::read(answer.await.unwrap().unwrap()).await;
        let hit = service.clone().oneshot(get(&path));
        assert!(
            Reply::read(hit.now_or_never().unwrap().unwrap())
                .await
                .is_hit()
        );
    }
}
