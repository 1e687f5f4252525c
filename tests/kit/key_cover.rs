//! `assert_key_covers`: inputs that change an answer and are not in its key.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http_body_util::{Empty, Full};
use larder::policy::key::{Input, InputKind};
use larder::{CacheLayer, Key, RoutePolicy};
use larder_axum::Cached;
use larder_testing::{CoverReport, KeyCover, assert_key_covers};
use tower::{Layer, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::{
    MINUTE, UserId, authenticate, cache, echo, keyed, me, product_key, products, request,
    request_with,
};

const FIELDS: [(&str, &str); 2] = [
    ("accept-language", "en"),
    ("cookie", "theme=light; other=1"),
];

async fn report(app: Router, request: Request<Body>) -> CoverReport {
    KeyCover::new().check(app, request).await.unwrap()
}

fn missing(report: &CoverReport) -> Vec<Input> {
    let missing = report.missing().iter();
    missing.map(|missing| missing.input().clone()).collect()
}

#[tokio::test]
async fn key_that_has_every_input_is_covered() {
    let app = products(&cache(), product_key());
    let request = request_with("/products/7?currency=eur&utm=1", &FIELDS);
    assert_key_covers(app, request).await;
}

#[tokio::test]
#[should_panic(
    expected = "header `accept-language` changes the answer of /products/{id} (its body from byte 2 \
                on) but is not in its key: declare it (`Key::languages` or `Key::header`)"
)]
async fn forgotten_language_is_named() {
    let key = Key::new().query(["currency"]).cookie("theme");
    assert_key_covers(products(&cache(), key), request("/products/7")).await;
}

#[tokio::test]
async fn every_forgotten_input_is_named_once() {
    let request = request_with("/products/7?currency=eur", &FIELDS);
    let report = KeyCover::new()
        .cookie("theme", "dark")
        .check(products(&cache(), Key::new().no_query()), request)
        .await
        .unwrap();
    let expected = [
        Input::new(InputKind::Header, "accept-language"),
        Input::new(InputKind::Cookie, "theme"),
        Input::new(InputKind::Query, "currency"),
    ];
    assert_eq!(missing(&report), expected);
    assert_eq!(report.route(), "/products/{id}");
    assert!(report.missing().iter().all(|missing| missing.is_withheld()));
}

#[tokio::test]
async fn handler_that_sees_everything_gives_one_what_was_made_for_another() {
    let key = Key::new().query(["currency"]).cookie("theme").forward_all();
    let report = report(products(&cache(), key), request("/products/7")).await;
    let language = Input::new(InputKind::Header, "accept-language");
    assert_eq!(missing(&report), [language]);
    assert!(!report.missing()[0].is_withheld());
    assert!(
        report
            .to_string()
            .contains("given what was made for another")
    );
}

#[tokio::test]
async fn field_that_is_withheld_on_purpose_is_no_finding_until_the_handler_sees_it() {
    let cover = KeyCover::new().withheld("Accept-Language");
    let key = || Key::new().query(["currency"]).cookie("theme");
    let language = Input::new(InputKind::Header, "accept-language");
    for (key, expected) in [(key(), vec![]), (key().forward_all(), vec![language])] {
        let checked = cover.check(products(&cache(), key), request("/products/7"));
        assert_eq!(missing(&checked.await.unwrap()), expected);
    }
    let wrong = KeyCover::new().withheld("a b");
    let checked = wrong.check(products(&cache(), key()), request("/products/7"));
    let said = checked.await.unwrap_err().to_string();
    assert_eq!(said, "withheld: \"a b\" is not the name of a header field");
}

#[tokio::test]
async fn unknown_values_are_found_with_one_of_them() {
    let by_tenant = |fields: HeaderMap| async move {
        let tenant = fields
            .get("x-tenant")
            .is_some_and(|tenant| tenant == "acme");
        if tenant { "acme" } else { "all" }
    };
    let app = Router::new().route("/p", get(by_tenant).cached(&cache(), keyed(Key::new())));
    assert!(report(app.clone(), request("/p")).await.is_covered());
    let cover = KeyCover::new().header("x-tenant", "acme");
    let report = cover.check(app, request("/p")).await.unwrap();
    assert_eq!(
        missing(&report),
        [Input::new(InputKind::Header, "x-tenant")]
    );
}

#[tokio::test]
async fn link_made_of_a_forwarded_host_is_found() {
    let link = |fields: HeaderMap| async move {
        let host = fields.get("x-forwarded-host").cloned();
        [(
            "link",
            host.unwrap_or_else(|| "shop.example".parse().unwrap()),
        )]
    };
    let app = Router::new().route("/p", get(link).cached(&cache(), keyed(Key::new())));
    let report = report(app, request("/p")).await;
    let host = Input::new(InputKind::Header, "x-forwarded-host");
    assert_eq!(missing(&report), [host]);
    assert!(report.to_string().contains("its header `link`"));
}

#[tokio::test]
async fn order_and_unknown_parameters_are_in_an_exact_query() {
    let app = |key| Router::new().route("/p", get(echo).cached(&cache(), keyed(key)));
    let covered = report(app(Key::new()), request("/p?a=1")).await;
    assert!(covered.is_covered());
    let cut = report(app(Key::new().query(["a"])), request("/p?a=1")).await;
    assert_eq!(
        missing(&cut),
        [Input::new(InputKind::Query, "larder-testing")]
    );
}

#[tokio::test]
async fn path_that_counts_is_found_with_another() {
    let app = products(&cache(), Key::route().header("accept-language"));
    let cover = KeyCover::new().path("/products/8");
    let report = cover.check(app, request("/products/7")).await.unwrap();
    assert_eq!(missing(&report), [Input::new(InputKind::Path, "")]);
}

#[tokio::test]
async fn identity_on_a_shared_route_is_found_and_a_partition_covers_it() {
    let app = |policy: RoutePolicy| Router::new().route("/me", get(me).cached(&cache(), policy));
    let users = KeyCover::new().identity(UserId("anna".into()), UserId("bob".into()));
    let shared = app(RoutePolicy::shared(MINUTE));
    let report = users.check(shared, request("/me")).await.unwrap();
    assert_eq!(
        missing(&report),
        [Input::new(InputKind::Extension, "UserId")]
    );
    let own = app(RoutePolicy::per_user::<UserId>(MINUTE));
    users.assert(own, request("/me")).await;
}

#[tokio::test]
async fn token_on_a_shared_route_is_found_and_a_partition_covers_it() {
    let app = |policy: RoutePolicy| {
        let routes = Router::new().route("/me", get(me).cached(&cache(), policy));
        routes.layer(middleware::from_fn(authenticate))
    };
    let anna = || request_with("/me", &[("authorization", "Bearer token-of-anna")]);
    let users = KeyCover::new().header("authorization", "Bearer token-of-bob");
    let shared = app(RoutePolicy::shared(MINUTE));
    let report = users.check(shared, anna()).await.unwrap();
    assert_eq!(
        missing(&report),
        [Input::new(InputKind::Header, "authorization")]
    );
    users
        .assert(app(RoutePolicy::per_user::<UserId>(MINUTE)), anna())
        .await;
}

#[tokio::test]
async fn what_vary_tells_apart_is_covered_where_nothing_is_declared() {
    let greet = |vary: &'static str| {
        get(move |fields: HeaderMap| async move {
            let language = fields.get("accept-language").cloned();
            let said = language.map_or_else(String::new, |field| format!("{field:?}"));
            ([("cache-control", "max-age=60"), ("vary", vary)], said)
        })
    };
    let app = |vary| {
        let route = greet(vary).cached(&cache(), RoutePolicy::obey());
        Router::new().route("/p", route)
    };
    assert!(
        report(app("accept-language"), request("/p"))
            .await
            .is_covered()
    );
    let forgot = report(app("accept"), request("/p")).await;
    let language = Input::new(InputKind::Header, "accept-language");
    assert_eq!(missing(&forgot), [language]);
}

#[tokio::test]
async fn answer_that_vary_does_not_guard_is_found_although_the_other_is() {
    let greet = get(|fields: HeaderMap| async move {
        let is_known = fields.contains_key("accept-language");
        let vary = if is_known {
            "accept"
        } else {
            "accept-language"
        };
        ([("cache-control", "max-age=60"), ("vary", vary)], "")
    });
    let app = Router::new().route("/p", greet.cached(&cache(), RoutePolicy::obey()));
    let language = Input::new(InputKind::Header, "accept-language");
    assert_eq!(missing(&report(app, request("/p")).await), [language]);
}

#[tokio::test]
async fn declared_input_that_counts_in_a_coarser_form_is_covered() {
    let echo = |fields: HeaderMap| async move {
        let language = fields.get("accept-language");
        language.map_or_else(String::new, |field| format!("{field:?}"))
    };
    let german = |field: Option<&[u8]>| {
        let is = field.is_some_and(|field| field.starts_with(b"de"));
        is.then(|| HeaderValue::from_static("de"))
    };
    let key = Key::new().header_with("accept-language", german);
    let app = Router::new().route("/p", get(echo).cached(&cache(), keyed(key)));
    assert_key_covers(app, request("/p")).await;
}

#[tokio::test]
async fn service_of_no_framework_is_tested_like_any_other() {
    let greet = service_fn(|request: Request<Empty<Bytes>>| async move {
        let language = request.headers().get("accept-language");
        let said = if language.is_some() {
            "Guten Tag"
        } else {
            "Good day"
        };
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(said)))
    });
    let service = CacheLayer::new(cache())
        .with_route_policy(keyed(Key::new()).name("greeting"))
        .layer(greet);
    let request = Request::head("http://a.example/p")
        .body(Empty::new())
        .unwrap();
    let checked = KeyCover::new().check(service.clone(), request).await;
    assert!(checked.unwrap().missing().is_empty());
    let request = Request::get("http://a.example/p")
        .body(Empty::new())
        .unwrap();
    let report = KeyCover::new().check(service, request).await.unwrap();
    assert_eq!(report.route(), "greeting");
    let language = Input::new(InputKind::Header, "accept-language");
    assert_eq!(missing(&report), [language]);
}

#[tokio::test]
async fn what_layers_outside_the_cache_make_of_an_answer_is_their_business() {
    let long = || async { "bread ".repeat(100) };
    let app = Router::new()
        .route("/p", get(long).cached(&cache(), keyed(Key::new())))
        .layer(CompressionLayer::new())
        .layer(CorsLayer::new().allow_origin(AllowOrigin::mirror_request()));
    assert_key_covers(app, request("/p")).await;
}
