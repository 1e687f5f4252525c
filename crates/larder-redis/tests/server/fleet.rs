//! Two caches that share a server, as an application has them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use larder::{Cache, CacheLayer, Purge};
use larder_redis::RedisTier;
use larder_servers::until;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{PATIENCE, tier};

/// One process, as it were, in front of what counts its calls.
struct Node {
    cache: Cache,
    calls: Arc<AtomicUsize>,
}

impl Node {
    async fn new(tier: RedisTier, calls: &Arc<AtomicUsize>) -> Self {
        let cache = Cache::builder().shared(tier).build();
        until("the node has joined", PATIENCE, || async {
            cache.is_joined().then_some(())
        })
        .await;
        Self {
            cache,
            calls: Arc::clone(calls),
        }
    }

    async fn get(&self, path: &str, language: &str) -> String {
        let calls = Arc::clone(&self.calls);
        let inner = service_fn(move |request: Request<Empty<bytes::Bytes>>| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            let language = request.headers()["accept-language"].to_str().unwrap();
            let response = Response::builder()
                .header("cache-control", "max-age=3600")
                .header("vary", "accept-language")
                .body(Full::<bytes::Bytes>::from(format!("{call} {language}")))
                .unwrap();
            async move { Ok::<_, Infallible>(response) }
        });
        let request = Request::get(path)
            .header("host", "shop.example")
            .header("accept-language", language)
            .body(Empty::new())
            .unwrap();
        let layer = CacheLayer::new(self.cache.clone());
        let response = layer.layer(inner).oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}

#[tokio::test]
async fn what_one_stores_all_serve_until_one_purges_it() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let other = RedisTier::connect(server.url()).await.unwrap();
    let first = Node::new(tier, &calls).await;
    let second = Node::new(other, &calls).await;

    let german = first.get("/a", "de").await;
    let english = first.get("/a", "en").await;
    until("the server has both, and their rule", PATIENCE, || async {
        let keys = server.command(&["KEYS", "larder1::*:[ev]*"]).await;
        (keys.lines().count() == 3).then_some(())
    })
    .await;
    assert_eq!(second.get("/a", "de").await, german);
    assert_eq!(second.get("/a", "en").await, english);
    assert_eq!(calls.load(Ordering::SeqCst), 2);

    second.cache.purge(Purge::url("/a").unwrap());
    until("the first node knows of the purge", PATIENCE, || async {
        (first.get("/a", "de").await != german).then_some(())
    })
    .await;

    // Without the server each goes on alone, and after it they share again.
    server.kill();
    let alone = second.get("/b", "de").await;
    assert_eq!(second.get("/b", "de").await, alone);
    server.restart().await;
    until("a response is shared again", PATIENCE, || async {
        let path = format!("/c/{}", calls.load(Ordering::SeqCst));
        let stored = first.get(&path, "de").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        (second.get(&path, "de").await == stored).then_some(())
    })
    .await;
}
