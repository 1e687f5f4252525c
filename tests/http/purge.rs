//! Purges by tag, hard and soft.

use axum::body::Body;
use http::{HeaderValue, Request};
use larder::{CacheLayer, Purge, RoutePolicy};
use larder_tests::{Origin, Setup, get, response};

use crate::scene::{Scene, secs, settle};

fn tagged(policy: RoutePolicy) -> Scene {
    Scene::with_layer(
        |calls| async move { Ok(response(200, &[], format!("version {calls}"))) },
        |layer| layer.with_route_policy(policy),
    )
}

/// A cache in front of a route so annotated, whose responses name the call.
pub(crate) fn annotated(route: RoutePolicy) -> Setup {
    Setup::with_layer(Origin::ok(&[]), |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

/// Stores a response for each of these requests, purges, and tells which of them are still
/// answered from the store.
pub(crate) async fn survive(
    setup: &Setup,
    requests: &[impl Fn() -> Request<Body>],
    purge: Purge,
) -> Vec<bool> {
    for request in requests {
        setup.send(request()).await;
    }
    for request in requests {
        assert!(setup.send(request()).await.is_hit());
    }
    setup.cache.purge(purge);
    let mut survivors = Vec::new();
    for request in requests {
        let mut request = request();
        let asked = HeaderValue::from_static("only-if-cached");
        request.headers_mut().insert("cache-control", asked);
        survivors.push(setup.send(request).await.status == 200);
    }
    survivors
}

/// A route that has each segment of the path for a tag.
fn by_segment() -> Setup {
    annotated(RoutePolicy::shared(secs(60)).tag_with(|request| {
        let segments = request.uri().path().split('/').skip(1);
        segments.map(str::to_owned).collect::<Vec<_>>()
    }))
}

async fn left(purge: Purge) -> Vec<&'static str> {
    const PATHS: [&str; 5] = ["/x", "/y", "/x/y", "/x/y/z", "/X"];
    let requests = PATHS.map(|path| move || get(path));
    let survivors = survive(&by_segment(), &requests, purge).await;
    let left = PATHS.into_iter().zip(survivors);
    left.filter_map(|(path, left)| left.then_some(path))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn purge_of_a_tag_drops_what_has_it() {
    let policy = RoutePolicy::shared(secs(60))
        .tag("all")
        .tag_with(|request| [format!("path:{}", request.uri().path())]);
    let scene = tagged(policy);
    for path in ["/a", "/b"] {
        scene.send(get(path)).await.unwrap();
        assert!(scene.send(get(path)).await.unwrap().is_hit());
    }
    assert_eq!(scene.cache.estimate(&Purge::tag("path:/a")).responses(), 1);
    let receipt = scene.cache.purge(Purge::tag("path:/a"));
    assert_eq!(receipt.purge(), &Purge::tag("path:/a"));
    assert_eq!(scene.cache.estimate(&Purge::tag("path:/a")).responses(), 0);
    assert!(!scene.send(get("/a")).await.unwrap().is_hit());
    assert!(scene.send(get("/b")).await.unwrap().is_hit());
    scene.cache.purge(Purge::tag("all"));
    for path in ["/a", "/b"] {
        assert!(!scene.send(get(path)).await.unwrap().is_hit());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_purged_softly_is_served_while_one_validation_runs() {
    let policy = RoutePolicy::shared(secs(60))
        .stale_while_revalidate(secs(30))
        .tag("a");
    let scene = tagged(policy);
    scene.get().await;
    scene.cache.purge(Purge::tag("a").soft());
    let stale = scene.get().await;
    assert_eq!(
        stale.field("cache-status"),
        "larder; hit; ttl=0; detail=soft-purged"
    );
    assert_eq!(stale.text(), "version 0");
    settle().await;
    assert_eq!(scene.calls(), 2);
    let fresh = scene.get().await;
    assert_eq!(fresh.field("cache-status"), "larder; hit; ttl=60");
    assert_eq!((fresh.text(), scene.calls()), ("version 1", 2));
}

#[tokio::test]
async fn one_tag_any_of_some_and_all_of_some() {
    let all = || ["/x", "/y", "/x/y", "/x/y/z", "/X"];
    assert_eq!(left(Purge::tag("x")).await, ["/y", "/X"]);
    assert_eq!(left(Purge::any_tag(["x", "y"])).await, ["/X"]);
    assert_eq!(left(Purge::any_tag(["y", "none"])).await, ["/x", "/X"]);
    assert_eq!(left(Purge::all_tags(["x", "y"])).await, ["/x", "/y", "/X"]);
    assert_eq!(left(Purge::all_tags(["y", "y"])).await, ["/x", "/X"]);
    assert_eq!(
        left(Purge::all_tags(["z", "y", "x"])).await,
        ["/x", "/y", "/x/y", "/X"]
    );
    for nothing in [
        Purge::all_tags(["x", "none"]),
        Purge::all_tags([""; 0]),
        Purge::any_tag([""; 0]),
        Purge::tag("none"),
        Purge::tag(""),
        Purge::tag("x "),
    ] {
        assert_eq!(left(nothing).await, all());
    }
}

#[tokio::test]
async fn purges_joined_by_and_drop_what_either_names() {
    assert_eq!(left(Purge::tag("z").and(Purge::tag("X"))).await.len(), 3);
    let joined = Purge::all_tags(["y", "z"]).and(Purge::url("/x").unwrap());
    assert_eq!(left(joined).await, ["/y", "/x/y", "/X"]);
    let joined = Purge::any_tag([""; 0]).and(Purge::tag("X"));
    assert_eq!(left(joined).await.len(), 4);
    let everything = Purge::tag("none").and(Purge::everything());
    assert!(left(everything).await.is_empty());
}

/// Several purges of what has all of some tags, one of which they have in common.
#[tokio::test]
async fn purges_of_pairs_do_not_add_up() {
    let setup = by_segment();
    let paths = ["/a/b", "/a/c", "/b/c", "/a", "/b", "/c", "/d/a"];
    let requests = paths.map(|path| move || get(path));
    setup.cache.purge(Purge::all_tags(["a", "b"]));
    let survivors = survive(&setup, &requests, Purge::all_tags(["b", "c"])).await;
    assert_eq!(survivors, [true, true, false, true, true, true, true]);
    let survivors = survive(&setup, &requests, Purge::all_tags(["c", "a"])).await;
    assert_eq!(survivors, [true, false, true, true, true, true, true]);
}

#[tokio::test]
async fn tags_are_compared_byte_by_byte() {
    let odd = [
        " ",
        "a b",
        "a,b",
        "a\0b",
        "a\r\nset-cookie: b",
        "\u{1f9c0}",
        "\u{e9}",
        "e\u{301}",
        "A",
        "a",
        "*",
    ];
    let at = |path: &str| -> usize { path[1..].parse().unwrap() };
    let setup = annotated(
        RoutePolicy::shared(secs(60)).tag_with(move |request| [odd[at(request.uri().path())]]),
    );
    let paths: Vec<String> = (0..odd.len()).map(|at| format!("/{at}")).collect();
    let requests: Vec<_> = paths.iter().map(|path| || get(path)).collect();
    for (named, tag) in odd.into_iter().enumerate() {
        let survivors = survive(&setup, &requests, Purge::tag(tag)).await;
        for (at, survives) in survivors.into_iter().enumerate() {
            assert_eq!(survives, at != named, "{tag:?} {at}");
        }
    }
}

#[tokio::test]
async fn tag_of_a_kibibyte_is_a_tag() {
    let tag = |end: &str| "x".repeat(1023) + end;
    let long = tag("1");
    let setup = annotated(RoutePolicy::shared(secs(60)).tag(&long));
    setup.get("/a").await;
    setup.cache.purge(Purge::tag(tag("2")));
    assert!(setup.get("/a").await.is_hit());
    setup.cache.purge(Purge::tag(long));
    assert!(!setup.get("/a").await.is_hit());
}

/// A thousand responses with ten tags each.
#[tokio::test]
async fn each_of_ten_thousand_tags_drops_its_own() {
    let setup = annotated(RoutePolicy::shared(secs(60)).tag_with(|request| {
        let path = request.uri().path().to_owned();
        (0..10).map(move |tag| format!("{path}:{tag}"))
    }));
    let paths: Vec<_> = (0..1000).map(|number| format!("/{number}")).collect();
    for path in &paths {
        setup.get(path).await;
    }
    let odd = (0..10_000).filter(|number| number / 10 % 2 == 1);
    let odd = odd.map(|number| format!("/{}:{}", number / 10, number % 10));
    setup.cache.purge(Purge::any_tag(odd));
    for (number, path) in paths.iter().enumerate() {
        assert_eq!(setup.get(path).await.is_hit(), number % 2 == 0, "{path}");
    }
    // What was fetched since no purge has touched.
    for path in &paths {
        assert!(setup.get(path).await.is_hit());
    }
    let last = (0..1000).map(|number| format!("/{number}:9"));
    for (number, tag) in last.enumerate().step_by(100) {
        setup.cache.purge(Purge::tag(tag));
        assert!(!setup.get(&paths[number]).await.is_hit());
    }
}

#[tokio::test]
async fn purge_names_tags_of_one_cache_only() {
    let route = || RoutePolicy::shared(secs(60)).tag("a");
    let (one, other) = (annotated(route()), annotated(route()));
    one.get("/a").await;
    other.get("/a").await;
    one.cache.purge(Purge::tag("a"));
    assert!(!one.get("/a").await.is_hit());
    assert!(other.get("/a").await.is_hit());
}
