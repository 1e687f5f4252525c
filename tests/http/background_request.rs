//! The request that validates in the background carries nothing of its client's but what says which
//! response is meant.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, OriginalUri, Path};
use axum::routing::get;
use http::request::Parts;
use http::{HeaderMap, Request, Uri};
use larder::policy::key::Partition;
use larder::{Cache, CacheLayer, Policy, RoutePolicy};
use larder_tests::{Reply, request, response};
use tokio::time::sleep;
use tower::ServiceExt;

use crate::scene::{Scene, clock, secs, settle};

const CREDENTIALS: [(&str, &str); 2] = [("authorization", "Bearer secret"), ("cookie", "secret=1")];

type Fields = &'static [(&'static str, &'static str)];

/// The request in the background, where one client's was stored and another's meets it stale.
async fn background(policy: Policy, says: Fields, stored_for: Fields, triggering: Fields) -> Parts {
    let layer = |layer: CacheLayer| layer.with_policy(policy);
    asked_in_the_background(layer, says, stored_for, triggering).await
}

async fn asked_in_the_background(
    layer: impl FnOnce(CacheLayer) -> CacheLayer,
    says: Fields,
    stored_for: Fields,
    triggering: Fields,
) -> Parts {
    let handler = move |_| async move { Ok(response(200, says, "body")) };
    let scene = Scene::with_layer(handler, layer);
    let first = scene.get_with(stored_for).await;
    assert!(first.is_stored(), "{:?}", first.headers);
    sleep(secs(65)).await;
    let stale = scene.get_with(triggering).await;
    assert_eq!(stale.field("cache-status"), "larder; hit; ttl=-5");
    settle().await;
    assert_eq!(scene.calls(), 2);
    scene.asked(1)
}

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

const PLAIN: Fields = &[
    (
        "cache-control",
        "public, max-age=60, stale-while-revalidate=30",
    ),
    ("etag", "\"a\""),
    ("last-modified", "Fri, 15 Jan 2027 07:00:00 GMT"),
];
const VALIDATORS: [(&str, &str); 2] = [
    ("if-none-match", "\"a\""),
    ("if-modified-since", "Fri, 15 Jan 2027 07:00:00 GMT"),
];

#[tokio::test(start_paused = true)]
async fn nothing_of_the_triggering_request_goes_along_but_the_key() {
    let triggering: Fields = &[
        ("host", "example.com"),
        ("x-forwarded-host", "shop.example"),
        ("forwarded", "host=shop.example"),
        ("authorization", "Bearer secret"),
        ("cookie", "secret=1"),
        ("cookie", "secret=2"),
        ("proxy-authorization", "Basic c2VjcmV0"),
        ("x-api-key", "secret"),
        ("x-forwarded-for", "192.0.2.1"),
        ("user-agent", "test"),
        ("accept", "text/html"),
        ("accept-encoding", "gzip"),
        ("accept-language", "de"),
        ("cache-control", "max-age=0"),
        ("if-none-match", "\"theirs\""),
        ("referer", "https://example.com/account"),
        ("connection", "close"),
    ];
    let same_key: Fields = &triggering[..3];
    let asked = background(Policy::shared(), PLAIN, same_key, triggering).await;
    let [host, shop, forwarded, ..] = triggering else {
        unreachable!()
    };
    let [tag, date] = VALIDATORS;
    assert_eq!(asked.headers, map(&[*host, *shop, *forwarded, tag, date]));
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.uri, "/a");
}

#[tokio::test(start_paused = true)]
async fn trusted_forwarding_fields_are_not_part_of_the_key_and_stay_behind() {
    let policy = Policy::shared().with_trusted_forwarding(true);
    let triggering: Fields = &[
        ("host", "example.com"),
        ("x-forwarded-host", "shop.example"),
    ];
    let asked = background(policy, PLAIN, &triggering[..1], triggering).await;
    assert!(asked.headers.contains_key("host"));
    assert!(!asked.headers.contains_key("x-forwarded-host"));
}

#[tokio::test(start_paused = true)]
async fn range_of_the_triggering_request_stays_behind() {
    let handler = |_| async { Ok(response(200, PLAIN, "body")) };
    let scene = Scene::new(handler);
    scene.get().await;
    sleep(secs(65)).await;
    let part = scene.get_with(&[("range", "bytes=0-1")]).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "bo"));
    settle().await;
    assert_eq!(scene.asked(1).headers, map(&VALIDATORS));
    assert_eq!(scene.cache.stats().stored(), 2);
}

#[tokio::test(start_paused = true)]
async fn selecting_fields_have_the_recorded_values() {
    let says: Fields = &[
        (
            "cache-control",
            "public, max-age=60, stale-while-revalidate=30",
        ),
        ("vary", "accept-language, x-absent"),
    ];
    let recorded: Fields = &[("accept-language", "de"), ("accept-language", "en")];
    let triggering: Fields = &[
        ("accept-language", "de, en"),
        ("accept", "text/html"),
        ("authorization", "Bearer secret"),
    ];
    let asked = background(Policy::shared(), says, recorded, triggering).await;
    let selecting = asked.headers.get_all("accept-language").iter();
    let selecting: Vec<_> = selecting.map(|line| line.to_str().unwrap()).collect();
    assert_eq!(selecting.join(", "), "de, en");
    assert_eq!(asked.headers.keys().count(), 1, "{:?}", asked.headers);
}

#[tokio::test(start_paused = true)]
async fn credentials_are_sent_only_where_they_select_and_then_as_recorded() {
    for vary in ["authorization", "cookie", "authorization, cookie"] {
        let says: Fields = Box::leak(Box::new([PLAIN[0], PLAIN[1], ("vary", vary)]));
        let asked = background(Policy::shared(), says, &CREDENTIALS, &CREDENTIALS).await;
        for (name, value) in CREDENTIALS {
            let sent = asked.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(sent, vary.contains(name).then_some(value), "{vary}");
        }
    }
    let asked = background(Policy::shared(), PLAIN, &CREDENTIALS, &CREDENTIALS).await;
    assert_eq!(asked.headers, map(&VALIDATORS));
}

#[tokio::test(start_paused = true)]
async fn credentials_pass_in_a_private_partition() {
    let triggering: Fields = &[
        ("authorization", "Bearer secret"),
        ("cookie", "secret=1"),
        ("accept", "text/html"),
        ("if-none-match", "\"theirs\""),
        ("cache-control", "max-age=0"),
    ];
    let partitioned = |layer: CacheLayer| layer.with_partition(|_| Partition::of("u", b"1").ok());
    let private = |layer| partitioned(layer).with_policy(Policy::private());
    let asked = asked_in_the_background(private, PLAIN, &[], triggering).await;
    let [tag, date] = VALIDATORS;
    let own = [triggering[0], triggering[1], triggering[2], tag, date];
    assert_eq!(asked.headers, map(&own));
    // A partition under the rules of a shared cache is shared by those in it.
    let asked = asked_in_the_background(partitioned, PLAIN, &[], triggering).await;
    assert_eq!(asked.headers, map(&VALIDATORS));
}

#[derive(Clone, Debug, PartialEq)]
struct User(u64);

#[tokio::test(start_paused = true)]
async fn validation_is_the_partitions_own() {
    let private = |layer: CacheLayer| {
        layer
            .with_policy(Policy::private())
            .with_partition(|extensions| {
                let User(id) = extensions.get()?;
                Partition::of("user", &id.to_be_bytes()).ok()
            })
    };
    let scene = Scene::with_layer(|_| async { Ok(response(200, PLAIN, "body")) }, private);
    let as_user = async |id: u64| {
        let mut own = request("GET", "/a", &[("cookie", &format!("user={id}"))]);
        own.extensions_mut().insert(User(id));
        scene.send(own).await.unwrap()
    };
    for id in [1, 2] {
        assert!(as_user(id).await.is_stored());
    }
    sleep(secs(65)).await;
    for id in [2, 1, 2] {
        assert!(as_user(id).await.is_hit());
    }
    settle().await;
    assert_eq!(scene.calls(), 4);
    for (call, id) in [(2, 2), (3, 1)] {
        let asked = scene.asked(call);
        assert_eq!(asked.extensions.get(), Some(&User(id)));
        assert_eq!(asked.headers["cookie"], format!("user={id}"));
    }
    for id in [1, 2] {
        assert_eq!(
            as_user(id).await.field("cache-status"),
            "larder; hit; ttl=60"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_applications_layers_put_into_the_request_goes_along() {
    let scene = Scene::new(|_| async { Ok(response(200, PLAIN, "body")) });
    scene.get().await;
    sleep(secs(65)).await;
    let mut triggering = request("GET", "/a", &[]);
    triggering.extensions_mut().insert(User(7));
    *triggering.version_mut() = http::Version::HTTP_2;
    scene.send(triggering).await.unwrap();
    settle().await;
    let asked = scene.asked(1);
    assert_eq!(asked.extensions.get(), Some(&User(7)));
    assert_eq!(asked.version, http::Version::HTTP_2);
}

#[tokio::test(start_paused = true)]
async fn page_for_whoever_occasioned_the_request_is_not_kept_for_all() {
    for (credentials, says, shared) in [
        (
            &CREDENTIALS[..1],
            "max-age=60, stale-while-revalidate=30",
            false,
        ),
        (
            &CREDENTIALS[1..],
            "max-age=60, stale-while-revalidate=30",
            false,
        ),
        (&CREDENTIALS[1..], "must-revalidate, max-age=60", false),
        (&CREDENTIALS[..1], "public, max-age=60", true),
        (&CREDENTIALS[1..], "s-maxage=60", true),
        (&[][..], "max-age=60", true),
    ] {
        let fields = [("cache-control", says)];
        let first = [("cache-control", "max-age=60, stale-while-revalidate=30")];
        let scene = Scene::new(move |calls| async move {
            Ok(match calls {
                0 => response(200, &first, "for all"),
                _ => response(200, &fields, "for user 7, by the extension"),
            })
        });
        assert!(scene.get().await.is_stored());
        sleep(secs(65)).await;
        let mut triggering = request("GET", "/a", credentials);
        triggering.extensions_mut().insert(User(7));
        assert_eq!(scene.send(triggering).await.unwrap().text(), "for all");
        settle().await;
        assert_eq!(scene.calls(), 2);
        let other = scene.get().await;
        assert_eq!(other.text() != "for all", shared, "{credentials:?} {says}");
        assert!(other.is_hit());
    }
}

/// What a handler behind nested routers is told of its request.
type Told = (String, Uri, Uri, String);

#[tokio::test(start_paused = true)]
async fn handler_behind_nested_routers_is_asked_as_by_a_client() {
    let told = Arc::<Mutex<Vec<Told>>>::default();
    let log = Arc::clone(&told);
    let handler = |Path(id): Path<String>,
                   OriginalUri(whole): OriginalUri,
                   path: MatchedPath,
                   request: Request<Body>| async move {
        let uri = request.uri().clone();
        let told: Told = (id.clone(), whole, uri, path.as_str().to_owned());
        log.lock().unwrap().push(told);
        format!("product {id}")
    };
    let cache = Cache::builder().clock(clock()).build();
    let annotation = RoutePolicy::shared(secs(60)).stale_while_revalidate(secs(30));
    let layer = larder_axum::layer(&cache).with_route_policy(annotation);
    let products = Router::new().route("/products/{id}", get(handler).layer(layer));
    let app: Router = Router::new().nest("/shop", Router::new().nest("/v1", products));
    let ask = async |path: &str| {
        let response = app.clone().oneshot(request("GET", path, &[])).await;
        Reply::read(response.unwrap()).await
    };
    let paths = ["/shop/v1/products/1?a=b", "/shop/v1/products/2"];
    for path in paths {
        assert!(ask(path).await.is_stored());
    }
    sleep(secs(65)).await;
    for path in paths {
        assert_eq!(ask(path).await.field("cache-status"), "larder; hit; ttl=-5");
        settle().await;
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 4);
    assert_eq!(told[..2], told[2..]);
    for (path, body) in paths.into_iter().zip(["product 1", "product 2"]) {
        let fresh = ask(path).await;
        assert_eq!((fresh.is_hit(), fresh.text()), (true, body));
    }
}
