//! The writer's next read sees its write, whatever was in flight meanwhile.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Method;
use larder::InvalidateLayer;
use larder_tests::{
    Client, Gate, Reply, Slow, feed, get, replies, request, response, settle, settled,
};
use tower::ServiceExt;

use crate::shop::Shop;

/// By what a write names the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Its cache group, which only its response tells.
    Group,
    Tag,
    Url,
}

/// A resource whose GET reads its version at once and tells it when the gate lets it: before the head,
/// or in the middle of the body. A write makes the next version.
struct Resource {
    shop: Shop<Slow>,
    gate: Gate,
    gets: Arc<AtomicUsize>,
    by: By,
}

impl Resource {
    fn new(by: By, head_first: bool) -> Self {
        let (gate, version) = (Gate::default(), AtomicUsize::new(0));
        let gets = Arc::<AtomicUsize>::default();
        let (passed, counted) = (gate.clone(), Arc::clone(&gets));
        let inner = Slow::new(move |seen, _| {
            let is_read = [Method::GET, Method::HEAD].contains(&seen.method);
            let version = if is_read {
                counted.fetch_add(1, Ordering::SeqCst);
                version.load(Ordering::SeqCst)
            } else {
                version.fetch_add(1, Ordering::SeqCst)
            };
            let gate = passed.clone();
            async move {
                if !is_read {
                    let group = [("cache-group-invalidation", "\"g\"")];
                    let named = if by == By::Group { &group[..] } else { &[] };
                    return Ok(response(204, named, ""));
                }
                let text = version.to_string();
                let fields = [("cache-groups", "\"g\""), ("x-version", &*text)];
                if !head_first {
                    gate.pass().await;
                    return Ok(response(200, &fields, text.clone()));
                }
                let last = Bytes::from(text.clone());
                let last = stream::once(async move {
                    gate.pass().await;
                    Ok::<_, Infallible>(last)
                });
                let first = stream::iter([Ok(Bytes::new())]);
                Ok(response(200, &fields, Body::from_stream(first.chain(last))))
            }
        });
        let shop = Shop::new(inner, |cache| {
            InvalidateLayer::new(cache, move |_, _| (by == By::Tag).then_some(["tag:/a"]))
        });
        Self {
            shop,
            gate,
            gets,
            by,
        }
    }

    /// So many clients, who all wait.
    async fn readers(&self, clients: usize) -> Vec<Client> {
        let send = |_| Client::of(self.shop.reads.clone().oneshot(get("/a")));
        let clients = (0..clients).map(send).collect();
        settle().await;
        clients
    }

    async fn write(&self) {
        let path = if self.by == By::Url { "/a" } else { "/b" };
        assert_eq!(self.shop.put(path).await.status, 204);
    }

    fn gets(&self) -> usize {
        self.gets.load(Ordering::SeqCst)
    }
}

const ALL: [(By, bool); 6] = [
    (By::Group, false),
    (By::Group, true),
    (By::Tag, false),
    (By::Tag, true),
    (By::Url, false),
    (By::Url, true),
];

#[tokio::test(start_paused = true)]
async fn next_read_sees_the_write_though_a_fill_was_in_flight() {
    for (by, head_first) in ALL {
        let resource = Resource::new(by, head_first);
        let before = resource.readers(1).await;
        resource.write().await;
        let after = resource.readers(1).await;
        resource.gate.open(2);
        assert_eq!(replies(after).await[0].text(), "1", "{by:?} {head_first}");
        assert_eq!(replies(before).await[0].text(), "0");
        let hit = resource.shop.get("/a").await;
        assert!(hit.is_hit() && hit.text() == "1", "{by:?} {head_first}");
        assert_eq!(resource.gets(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn next_reads_see_the_write_though_others_followed_a_fill_in_flight() {
    for (by, head_first) in ALL {
        let resource = Resource::new(by, head_first);
        let before = resource.readers(10).await;
        resource.write().await;
        let after = resource.readers(10).await;
        resource.gate.open(2);
        let all_new = |replies: &[Reply]| replies.iter().all(|reply| reply.text() == "1");
        assert!(all_new(&replies(after).await), "{by:?} {head_first}");
        replies(before).await;
        assert_eq!(resource.gets(), 2, "{by:?} {head_first}");
        assert_eq!(resource.shop.get("/a").await.text(), "1");
    }
}

#[tokio::test(start_paused = true)]
async fn next_read_sees_the_write_though_it_is_a_head() {
    for (by, head_first) in ALL {
        let resource = Resource::new(by, head_first);
        resource.gate.open(2);
        resource.shop.fill(&["/a"]).await;
        resource.write().await;
        let head = request("HEAD", "/a", &[]);
        let reply = resource.shop.reads.clone().oneshot(head).await.unwrap();
        assert_eq!(reply.headers()["x-version"], "1", "{by:?} {head_first}");
    }
}

#[tokio::test]
async fn purge_has_happened_when_the_head_of_the_write_is_released() {
    let (feeder, body) = feed();
    let fed = std::sync::Mutex::new(Some(body));
    let inner = Slow::new(move |seen, _| {
        let body = match seen.method {
            Method::PUT => fed.lock().unwrap().take().map(Body::new),
            _ => None,
        };
        async move { Ok(response(200, &[], body.unwrap_or_default())) }
    });
    let shop = Shop::new(inner, |cache| InvalidateLayer::new(cache, |_, _| ["all"]));
    shop.fill(&["/a"]).await;
    let put = shop.writes.clone().oneshot(request("PUT", "/b", &[]));
    let head = settled(put).await.unwrap().unwrap();
    assert!(!shop.holds("/a").await);
    // What is read meanwhile is new.
    shop.fill(&["/a"]).await;
    feeder.end();
    assert_eq!(Reply::read(head).await.status, 200);
    assert!(shop.holds("/a").await);
}
