//! Probes: forwarded past the cache, with a word about what it would have done.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::policy::key::{Input, InputKind};
use larder::{CacheLayer, Key, Probe, Probed, RoutePolicy};
use larder_tests::{Origin, Reply, Setup, get, request, response};
use tower::{Layer, ServiceExt};

use crate::users::UserNumber;

const MINUTE: Duration = Duration::from_secs(60);

fn on_route(origin: Origin, route: RoutePolicy) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

async fn ask(setup: &Setup, probe: Probe, mut request: Request<Body>) -> (Reply, Probed) {
    request.extensions_mut().insert(probe);
    let response = setup.service.clone().oneshot(request).await.unwrap();
    let probed = response.extensions().get::<Probed>().unwrap().clone();
    (Reply::read(response).await, probed)
}

async fn probed(setup: &Setup, request: Request<Body>) -> Probed {
    ask(setup, Probe::new(), request).await.1
}

fn has(probed: &Probed, kind: InputKind, name: &str) -> bool {
    probed.has(&Input::new(kind, name))
}

#[tokio::test]
async fn probe_is_forwarded_past_what_is_stored_and_nothing_of_it_is_kept() {
    let setup = on_route(Origin::ok(&[]), RoutePolicy::shared(MINUTE));
    assert!(setup.get("/p").await.is_stored());
    let (reply, probed) = ask(&setup, Probe::new(), get("/p")).await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=bypass; detail=probe"
    );
    assert_eq!(reply.text(), "call 2");
    assert_eq!(probed.body().unwrap(), "call 2");
    assert_eq!(probed.not_stored(), None);
    assert_eq!(setup.get("/p").await.text(), "call 1");

    ask(&setup, Probe::new(), get("/q")).await;
    assert!(setup.get("/q").await.is_stored());
    assert_eq!(setup.cache.stats().keys(), 2);
}

#[tokio::test]
async fn probe_sees_everything_or_what_a_miss_sees() {
    let route = RoutePolicy::shared(MINUTE).key(Key::new().query(["page"]));
    let setup = on_route(Origin::ok(&[]), route);
    let sent = || request("GET", "/p?page=2&utm=1", &[("accept-language", "de")]);
    ask(&setup, Probe::new(), sent()).await;
    let seen = setup.origin.last_seen();
    assert_eq!(seen.uri, "/p?page=2&utm=1");
    assert_eq!(seen.headers["accept-language"], "de");
    ask(&setup, Probe::narrowed(), sent()).await;
    let seen = setup.origin.last_seen();
    assert_eq!(seen.uri, "/p?page=2");
    assert!(!seen.headers.contains_key("accept-language"));
}

#[tokio::test]
async fn probed_knows_route_inputs_and_partition() {
    let route = RoutePolicy::per_user::<UserNumber>(MINUTE)
        .key(Key::new().query(["page"]).header("x-region"))
        .name("orders");
    let setup = on_route(Origin::ok(&[]), route);
    let nobody = probed(&setup, get("/p")).await;
    assert_eq!(nobody.route(), "orders");
    assert!(has(&nobody, InputKind::Partition, ""));
    assert!(has(&nobody, InputKind::Query, "page"));
    assert!(has(&nobody, InputKind::Header, "x-region"));
    assert!(!has(&nobody, InputKind::Header, "accept-language"));
    assert!(nobody.is_partitioned() && nobody.is_narrowed() && !nobody.is_identified());
    assert_eq!(nobody.not_stored(), Some("no-identity"));

    let mut sent = get("/p");
    sent.extensions_mut().insert(UserNumber(7));
    let anna = probed(&setup, sent).await;
    assert!(anna.is_identified());
    assert_eq!(anna.not_stored(), None);
}

#[tokio::test]
async fn probed_without_declared_inputs_has_path_and_query() {
    let setup = on_route(Origin::ok(&[]), RoutePolicy::obey());
    let probed = probed(&setup, get("/p")).await;
    assert_eq!(probed.route(), "/p");
    assert!(has(&probed, InputKind::Path, "") && has(&probed, InputKind::Query, "page"));
    assert!(!has(&probed, InputKind::Header, "accept") && !has(&probed, InputKind::Partition, ""));
    assert!(!probed.is_partitioned() && !probed.is_narrowed());
    assert_eq!(probed.not_stored(), Some("useless"));
}

#[tokio::test]
async fn response_would_answer_what_has_its_key_and_what_its_vary_selects() {
    let fields = [("cache-control", "max-age=60"), ("vary", "accept-language")];
    let setup = on_route(Origin::ok(&fields), RoutePolicy::obey());
    let ask = |path: &'static str, language: &'static str| {
        probed(
            &setup,
            request("GET", path, &[("accept-language", language)]),
        )
    };
    let german = ask("/p", "de").await;
    assert!(german.would_answer(&ask("/p", "de").await));
    assert!(!german.would_answer(&ask("/p", "en").await));
    assert!(!german.would_answer(&ask("/q", "de").await));

    let setup = on_route(
        Origin::ok(&[("cache-control", "no-store")]),
        RoutePolicy::obey(),
    );
    let unkept = probed(&setup, get("/p")).await;
    assert!(!unkept.would_answer(&unkept));
    assert_eq!(unkept.not_stored(), Some("no-store"));
    let written = probed(&setup, request("POST", "/p", &[])).await;
    assert_eq!(written.not_stored(), Some("method"));
    assert!(!written.would_answer(&written));
}

#[tokio::test]
async fn probe_is_no_extension_that_credentials_were_made_into() {
    let setup = on_route(Origin::ok(&[]), RoutePolicy::shared(MINUTE));
    let sent = || request("GET", "/p", &[("authorization", "Bearer secret")]);
    assert_eq!(probed(&setup, sent()).await.not_stored(), None);
    let mut unknown = sent();
    unknown.extensions_mut().insert("made of the token");
    let probed = probed(&setup, unknown).await;
    assert_eq!(probed.not_stored(), Some("undeclared-extension"));
}

#[tokio::test]
async fn probe_goes_through_caches_inside_and_all_of_them_tell() {
    let inside = on_route(
        Origin::ok(&[]),
        RoutePolicy::shared(MINUTE).key(Key::new().header("x-region")),
    );
    let outside = CacheLayer::new(inside.cache.clone())
        .with_route_policy(RoutePolicy::shared(MINUTE).key(Key::new().header("accept")))
        .layer(inside.service.clone());
    let ask = async |field: &'static str| {
        let mut sent = request("GET", "/p", &[(field, "a")]);
        sent.extensions_mut().insert(Probe::new());
        let response = outside.clone().oneshot(sent).await.unwrap();
        response.extensions().get::<Probed>().unwrap().clone()
    };
    let plain = ask("x-none").await;
    assert!(plain.inner().is_some());
    assert!(!has(&plain, InputKind::Header, "x-region"));
    assert!(!has(&plain, InputKind::Header, "accept"));
    // One of the two has it in its key, and the other does not.
    assert!(plain.would_answer(&ask("x-region").await));
    assert!(plain.would_answer(&ask("accept").await));
}

#[tokio::test]
async fn body_too_large_to_be_stored_reaches_who_probes() {
    let origin = Origin::new(|_, _| -> Response<Body> { response(200, &[], vec![b'a'; 100]) });
    let setup = Setup::with(
        origin,
        |cache| cache.max_body_bytes(99),
        |cache| CacheLayer::new(cache).with_route_policy(RoutePolicy::shared(MINUTE)),
    );
    let (reply, probed) = ask(&setup, Probe::new(), get("/p")).await;
    assert_eq!(reply.text().len(), 100);
    assert_eq!(probed.body(), None);
    assert_eq!(probed.not_stored(), Some("body-too-large"));
}
