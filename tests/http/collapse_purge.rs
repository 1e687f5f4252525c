//! Purges while a response is being fetched: who came later never gets what began before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use larder_tests::{Client, Crowd, Gate, Reply, Slow, get, replies, request, response, settle};

use crate::collapse::{FOLLOWER, FRESH, LEADER, told};

/// A resource whose GET reads its version at once and tells it when the gate lets it: before the
/// head, or in the middle of the body. PUT makes the next version.
struct Resource {
    crowd: Crowd,
    gate: Gate,
    gets: Arc<AtomicUsize>,
}

impl Resource {
    fn new(head_first: bool) -> Self {
        let (gate, version) = (Gate::default(), AtomicUsize::new(0));
        let gets = Arc::<AtomicUsize>::default();
        let (passed, counted) = (gate.clone(), Arc::clone(&gets));
        let origin = Slow::new(move |seen, _| {
            let get = seen.method == "GET";
            let version = if get {
                counted.fetch_add(1, Ordering::SeqCst);
                version.load(Ordering::SeqCst)
            } else {
                version.fetch_add(1, Ordering::SeqCst)
            };
            let gate = passed.clone();
            async move {
                if !get {
                    return Ok(response(204, &[], ""));
                }
                if !head_first {
                    gate.pass().await;
                    return Ok(response(200, &[FRESH], format!("version {version}")));
                }
                let rest = stream::once(async move {
                    gate.pass().await;
                    Ok::<_, std::convert::Infallible>(Bytes::from(version.to_string()))
                });
                let first = stream::iter([Ok(Bytes::from_static(b"version "))]);
                let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
                Ok(response(200, &[FRESH], body))
            }
        });
        Self {
            crowd: Crowd::new(origin),
            gate,
            gets,
        }
    }

    fn gets(&self) -> usize {
        self.gets.load(Ordering::SeqCst)
    }

    /// So many clients, who all wait.
    async fn readers(&self, clients: usize) -> Vec<Client> {
        let clients = self.crowd.send_all(clients, |_| get("/a"));
        settle().await;
        clients
    }

    async fn put(&self, path: &str) {
        let put = self.crowd.send(request("PUT", path, &[])).reply().await;
        assert_eq!(put.status, 204);
    }
}

fn all_say(replies: &[Reply], text: &str) -> bool {
    replies.iter().all(|reply| reply.text() == text)
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_write_gets_what_was_read_after_it() {
    for head_first in [false, true] {
        let resource = Resource::new(head_first);
        let before = resource.readers(50).await;
        resource.put("/a").await;
        let mut after = resource.readers(50).await;
        // They share a call of their own.
        assert_eq!(resource.gets(), 2);
        resource.gate.open(1);
        settle().await;
        // The end of the first call does not end the second.
        after.extend(resource.readers(50).await);
        assert_eq!(resource.gets(), 2);
        resource.gate.open(1);
        let after = replies(after).await;
        assert!(all_say(&after, "version 1"), "{head_first}");
        let before = replies(before).await;
        let either = |reply: &Reply| ["version 0", "version 1"].contains(&reply.text());
        assert!(before.iter().all(either), "{head_first}");
        assert_eq!(told(&after, LEADER), 1);
        assert_eq!((resource.gets(), told(&after, FOLLOWER)), (2, 99));
        let hit = resource.crowd.get("/a").reply().await;
        assert_eq!((hit.is_hit(), hit.text()), (true, "version 1"));
        assert_eq!(resource.crowd.cache.stats().uncacheable(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_write_does_not_wait_for_who_came_before() {
    for head_first in [false, true] {
        let resource = Resource::new(head_first);
        let before = resource.readers(1).await;
        resource.put("/a").await;
        let (first_gate, second) = (&resource.gate, resource.readers(10).await);
        // The gate is first come, first served: let the old call wait.
        before.iter().for_each(Client::leave);
        first_gate.open(2);
        assert!(all_say(&replies(second).await, "version 1"));
        settle().await;
        let hit = resource.crowd.get("/a").reply().await;
        assert_eq!((hit.is_hit(), hit.text()), (true, "version 1"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_clear_starts_anew() {
    for head_first in [false, true] {
        let resource = Resource::new(head_first);
        let before = resource.readers(50).await;
        resource.crowd.cache.clear();
        let after = resource.readers(50).await;
        assert_eq!(resource.gets(), 2);
        resource.gate.open(2);
        let after = replies(after).await;
        assert_eq!((told(&after, LEADER), told(&after, FOLLOWER)), (1, 49));
        replies(before).await;
        assert_eq!(resource.gets(), 2);
        let stats = resource.crowd.cache.stats();
        assert_eq!((stats.responses(), stats.fills()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn every_write_starts_anew() {
    for head_first in [false, true] {
        let resource = Resource::new(head_first);
        let mut waves = Vec::new();
        for _ in 0..6 {
            waves.push(resource.readers(10).await);
            resource.put("/a").await;
        }
        resource.gate.open(100);
        for (wave, clients) in waves.into_iter().enumerate() {
            for reply in replies(clients).await {
                let version: usize = reply.text().trim_start_matches("version ").parse().unwrap();
                assert!(version >= wave, "{version} in wave {wave}");
            }
        }
        let last = resource.crowd.get("/a").reply().await;
        assert_eq!(last.text(), "version 6");
    }
}

#[tokio::test(start_paused = true)]
async fn write_elsewhere_disturbs_nobody() {
    for head_first in [false, true] {
        let resource = Resource::new(head_first);
        let before = resource.readers(10).await;
        resource.put("/b").await;
        let after = resource.readers(10).await;
        resource.gate.open(1);
        assert!(all_say(&replies(before).await, "version 0"));
        assert!(all_say(&replies(after).await, "version 0"));
        assert_eq!(resource.gets(), 1);
        assert!(resource.crowd.get("/a").reply().await.is_hit());
    }
}
