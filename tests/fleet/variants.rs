//! Which of the shared responses answers which request, and what is never shared.

use std::future::ready;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::ETAG;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use larder::{CacheLayer, Purge, SharedSettings};
use larder_testing::FakeStore;
use larder_tests::{request, response};
use tokio::time::{Instant, sleep};

use crate::node::{Node, settle};
use crate::site::{Asked, Site, millis, secs};
use crate::user::{User, get_by, node_per_user};

const SHARED: &str = "larder; hit; ttl=60; detail=shared";
const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// Answers in the language that is asked for, and tags what it answers with it.
fn by_language(asked: &Asked) -> Response<Body> {
    let language = asked.field("accept-language").to_owned();
    let fields = [
        FRESH,
        ("vary", "accept-language"),
        ("cache-tag", &*language),
    ];
    response(200, &fields, language.clone())
}

async fn nodes(site: &Site, store: &FakeStore, count: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(site.node(store.link()).ready().await);
    }
    nodes
}

async fn asks(node: &Node, language: &str) -> (String, String) {
    let reply = node.get_with("/a", &[("accept-language", language)]).await;
    settle().await;
    (
        reply.text().to_owned(),
        reply.field("cache-status").to_owned(),
    )
}

#[tokio::test(start_paused = true)]
async fn each_node_gets_the_variant_that_it_asks_for() {
    let (site, store) = (Site::new(by_language), FakeStore::new());
    let nodes = nodes(&site, &store, 4).await;
    assert_eq!(asks(&nodes[0], "en").await.0, "en");
    assert_eq!(asks(&nodes[1], "en").await, ("en".into(), SHARED.into()));
    assert_eq!(asks(&nodes[1], "de").await.0, "de");
    assert_eq!(site.calls(), 2);
    for language in ["de", "en"] {
        let (body, told) = asks(&nodes[2], language).await;
        assert_eq!((&*body, &*told), (language, SHARED));
    }
    // Its own is there, and the other is not.
    assert_eq!(asks(&nodes[0], "de").await, ("de".into(), SHARED.into()));
    assert_eq!(asks(&nodes[3], "fr").await.0, "fr");
    assert_eq!(site.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_variant_is_purged_and_the_others_stay() {
    let (site, store) = (Site::new(by_language), FakeStore::new());
    let nodes = nodes(&site, &store, 3).await;
    asks(&nodes[0], "en").await;
    asks(&nodes[0], "de").await;
    let receipt = nodes[1].cache.purge(Purge::tag("de"));
    receipt.await.unwrap().everywhere(secs(1)).await.unwrap();
    assert_eq!(asks(&nodes[2], "en").await.1, SHARED);
    assert_eq!(site.calls(), 2);
    assert_eq!(
        asks(&nodes[2], "de").await.1,
        "larder; fwd=vary-miss; stored"
    );
    assert_eq!(asks(&nodes[1], "de").await.1, SHARED);
    assert_eq!(site.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn nodes_learn_that_other_fields_select_now() {
    let site = Site::new(|asked| {
        let (name, other) = match asked.before {
            0 => ("accept-language", "x"),
            _ => ("x", "accept-language"),
        };
        let body = format!("{name} {} {}", asked.field(name), asked.field(other));
        let fields = [FRESH, ("vary", name), ("cache-tag", "a")];
        response(200, &fields, body)
    });
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 3).await;
    let fields = |language, x| [("accept-language", language), ("x", x)];
    nodes[0].get_with("/a", &fields("en", "1")).await;
    settle().await;
    // Knows the old rule, which is purged with what stood by it.
    let reply = nodes[1].get_with("/a", &fields("en", "2")).await;
    assert_eq!(reply.field("cache-status"), SHARED);
    let receipt = nodes[2].cache.purge(Purge::tag("a")).await.unwrap();
    receipt.everywhere(secs(1)).await.unwrap();
    let reply = nodes[0].get_with("/a", &fields("en", "1")).await;
    assert_eq!(reply.text(), "x 1 en");
    settle().await;
    for node in &nodes {
        let reply = node.get_with("/a", &fields("de", "1")).await;
        assert_eq!(reply.text(), "x 1 en");
    }
    let reply = nodes[1].get_with("/a", &fields("en", "2")).await;
    assert_eq!((reply.text(), site.calls()), ("x 2 en", 3));
}

#[tokio::test(start_paused = true)]
async fn all_kinds_of_reads_are_answered_from_what_another_node_stored() {
    let (site, store) = (Site::with(&[FRESH]), FakeStore::new());
    let nodes = nodes(&site, &store, 5).await;
    let stored = nodes[0].get("/a").await;
    settle().await;
    let reply = nodes[1].get("/a").await;
    assert_eq!(
        (reply.text(), reply.field("cache-status")),
        ("/a 1", SHARED)
    );
    assert_eq!(reply.field("etag"), nodes[0].get("/a").await.field("etag"));

    let reply = nodes[2].get_with("/a", &[("range", "bytes=1-2")]).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (206, "a "));
    assert_eq!(reply.field("content-range"), "bytes 1-2/4");

    let etag = nodes[0].get("/a").await.field("etag").to_owned();
    let reply = nodes[3].get_with("/a", &[("if-none-match", &etag)]).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (304, ""));
    assert_eq!(reply.field("cache-status"), SHARED);

    nodes[4].get("/a").await;
    let reply = nodes[4].send(request("HEAD", "/a", &[])).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (200, ""));
    assert_eq!(reply.field("content-length"), "4");
    assert_eq!((site.calls(), stored.text()), (1, "/a 1"));
}

/// As on one node: they go to the client of the miss.
#[tokio::test(start_paused = true)]
async fn trailers_are_not_shared() {
    let site = Site::new(|_| {
        let trailers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"late\""))]);
        let body = Full::new(Bytes::from("body")).with_trailers(ready(Some(Ok(trailers))));
        response(200, &[FRESH], Body::new(body))
    });
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 2).await;
    assert!(nodes[0].get("/a").await.trailers.is_some());
    settle().await;
    let reply = nodes[1].get("/a").await;
    assert_eq!((reply.text(), &reply.trailers), ("body", &None));
    assert_eq!(site.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_one_users_never_reaches_another_on_another_node() {
    let (site, store) = (Site::with(&[]), FakeStore::new());
    let one = node_per_user(&site, &store).await;
    let other = node_per_user(&site, &store).await;
    assert_eq!(one.send(get_by("ann")).await.text(), "/me 1");
    settle().await;
    assert_eq!(other.send(get_by("bob")).await.text(), "/me 2");
    settle().await;
    let reply = other.send(get_by("ann")).await;
    assert_eq!(
        (reply.text(), reply.field("cache-status")),
        ("/me 1", SHARED)
    );
    let reply = one.send(get_by("bob")).await;
    assert_eq!(
        (reply.text(), reply.field("cache-status")),
        ("/me 2", SHARED)
    );
    assert_eq!(one.get("/me").await.text(), "/me 3");
    // One of them is purged, on all nodes, and the other is not.
    let receipt = one.cache.purge(Purge::identity(&User("ann")));
    receipt.await.unwrap().everywhere(secs(1)).await.unwrap();
    assert_eq!(other.send(get_by("bob")).await.text(), "/me 2");
    assert_eq!(other.send(get_by("ann")).await.text(), "/me 4");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_for_others_is_never_written() {
    let large = "x".repeat(5000);
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("cache-control", "no-store, max-age=60")], "x"),
        (&[("cache-control", "private, max-age=60")], "x"),
        (&[FRESH, ("set-cookie", "session=1")], "x"),
        (&[FRESH, ("vary", "*")], "x"),
        (&[FRESH], &large),
    ];
    for (fields, body) in cases {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let body = body.to_owned();
        let site = Site::new(move |_| {
            let fields: Vec<_> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
            response(200, &fields, body.clone())
        });
        let store = FakeStore::new();
        let make = || {
            let settings = SharedSettings::new();
            let small = |cache: larder::CacheBuilder| cache.max_body_bytes(4000);
            site.node_by(
                crate::node::clock(),
                store.link(),
                settings,
                small,
                |layer| layer,
            )
        };
        let (one, other) = (make().ready().await, make().ready().await);
        for node in [&one, &other, &one] {
            node.get("/a").await;
            sleep(secs(1)).await;
        }
        assert_eq!(site.calls(), 3);
        assert_eq!((store.counts().puts, store.keys()), (0, Vec::new()));
    }
}

/// The first finds it out, and the others do not wait for one another.
#[tokio::test(start_paused = true)]
async fn nodes_do_not_queue_for_what_cannot_be_shared() {
    let site = Site::with(&[("cache-control", "no-store")]);
    site.takes(millis(150));
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 20).await;
    let ask = || async {
        let begun = Instant::now();
        join_all(nodes.iter().map(|node| node.get("/a"))).await;
        begun.elapsed()
    };
    // One round, one look after it, and all others at once.
    let first = ask().await;
    assert!(first <= millis(400), "{first:?}");
    let second = ask().await;
    assert_eq!(second, millis(150));
    assert_eq!(site.calls(), 40);
    assert_eq!(store.counts().leases, 1);
}

#[tokio::test(start_paused = true)]
async fn queries_are_told_apart_by_their_content() {
    use larder::{Cache, Policy, QueryContentLayer};
    use tower::util::BoxCloneSyncService;
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    let store = FakeStore::new();
    let make = || {
        let search = service_fn(|request: Request<Body>| async move {
            let content = request.into_body().collect().await.unwrap().to_bytes();
            let body = Body::from(format!("found {}", String::from_utf8_lossy(&content)));
            Ok::<_, std::convert::Infallible>(response(200, &[FRESH], body))
        });
        let cache = Cache::builder()
            .clock(crate::node::clock())
            .shared(store.link())
            .build();
        let layer = CacheLayer::new(cache.clone());
        let layer = layer.with_policy(Policy::shared().with_query_method(true));
        let service = ServiceBuilder::new()
            .layer(QueryContentLayer::new(64, Body::new))
            .layer(layer)
            .service(BoxCloneSyncService::new(search));
        (cache, service)
    };
    let (one, other) = (make(), make());
    sleep(secs(1)).await;
    let query = |content: &'static str| {
        let mut request = request("QUERY", "/search", &[("content-type", "text/plain")]);
        *request.body_mut() = Body::from(content);
        request
    };
    assert!(one.0.is_joined() && other.0.is_joined());
    for (service, content, hit) in [
        (&one.1, "x", false),
        (&other.1, "x", true),
        (&other.1, "y", false),
        (&one.1, "y", true),
    ] {
        let reply = service.clone().oneshot(query(content)).await.unwrap();
        let reply = larder_tests::Reply::read(reply).await;
        assert_eq!(reply.text(), format!("found {content}"));
        assert_eq!(reply.field("cache-status") == SHARED, hit);
        settle().await;
    }
}
