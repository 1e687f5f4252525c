//! Verify mode finds planted bugs in keys, and names them.

#[path = "verify/scene.rs"]
pub mod scene;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use http::request::Parts;
use http::{HeaderMap, Request};
use larder::{Cache, CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_axum::Cached;
use larder_tests::{Reply, get, request, settle};
use scene::{Checked, MINUTE, every, field, has_cookie};
use tower::ServiceExt;

#[derive(Clone)]
pub struct UserId(pub u64);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}

/// An identity whose values the cache cannot tell apart.
#[derive(Clone)]
struct Session(&'static str);

const USER_ID: &str = "extension `http::verify::UserId`";
const SESSION: &str = "extension `http::verify::Session`";

pub fn of<T: Clone + Send + Sync + 'static>(identity: T) -> Request<Body> {
    let mut request = get("/a");
    request.extensions_mut().insert(identity);
    request
}

#[tokio::test(start_paused = true)]
async fn language_without_vary_is_found() {
    let app = Checked::obeying(|parts, _| field(parts, "accept-language"));
    let german = [("accept-language", "de"), ("user-agent", "x")];
    assert_eq!(app.get("/a", &german).await.text(), "de");
    let french = [("accept-language", "fr"), ("user-agent", "y")];
    assert_eq!(app.get("/a", &french).await.text(), "de");
    assert_eq!(app.found(), ["/a: header `accept-language` seen"]);
    assert_eq!(app.verdicts(), [0, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn cookie_is_found_among_others() {
    let app = Checked::obeying(|parts, _| has_cookie(parts, "theme=dark").to_string());
    let light = [("cookie", "session=1; theme=light; a=1")];
    assert_eq!(app.get("/a", &light).await.text(), "false");
    let dark = [("cookie", "session=2; theme=dark; a=1; b")];
    assert_eq!(app.get("/a", &dark).await.text(), "false");
    assert_eq!(app.found(), ["/a: cookie `theme` seen"]);
}

#[tokio::test(start_paused = true)]
async fn ignored_parameter_that_counts_is_found() {
    let route = || RoutePolicy::shared(MINUTE).key(Key::new().query_except(["utm_*", "page"]));
    let says = |parts: &Parts, _| {
        let query = parts.uri.query().unwrap_or_default();
        query.contains("page=2").to_string()
    };
    let app = Checked::on(route(), says);
    app.get("/a?id=7&utm_x=1&page=1", &[]).await;
    let reply = app.get("/a?id=7&utm_x=2&page=2", &[]).await;
    assert_eq!(reply.text(), "false");
    assert_eq!(app.found(), ["page: query `page` withheld"]);
    assert_eq!(app.verdicts(), [0, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn feature_flag_is_found_where_the_handler_sees_it_and_where_it_does_not() {
    let says = |parts: &Parts, _| field(parts, "x-beta");
    for (key, seen) in [(Key::new(), "withheld"), (Key::new().forward_all(), "seen")] {
        let app = Checked::on(RoutePolicy::shared(MINUTE).key(key), says);
        app.get("/a", &[]).await;
        let beta = [("x-beta", "on"), ("x-other", "1")];
        assert_eq!(app.get("/a", &beta).await.text(), "none");
        assert_eq!(app.found(), [format!("page: header `x-beta` {seen}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn withheld_input_is_found_although_it_is_the_same_in_both_requests() {
    let says = |parts: &Parts, _| field(parts, "x-beta");
    let app = Checked::on(RoutePolicy::shared(MINUTE), says);
    let beta = [("x-beta", "on")];
    assert_eq!(app.get("/a", &beta).await.text(), "none");
    app.get("/a", &beta).await;
    assert_eq!(app.found(), ["page: header `x-beta` withheld"]);
}

#[tokio::test(start_paused = true)]
async fn flag_that_only_the_filling_request_had_is_found_by_turns() {
    let app = Checked::obeying(|parts, _| field(parts, "x-beta"));
    let (beta, agent) = (
        [("x-beta", "on"), ("user-agent", "x")],
        [("user-agent", "y")],
    );
    app.get("/a", &beta).await;
    for turn in 0..2 {
        assert_eq!(app.found(), Vec::<String>::new(), "{turn}");
        assert_eq!(app.get("/a", &agent).await.text(), "on");
        app.get("/a", &beta).await;
    }
    assert_eq!(app.found(), ["/a: header `x-beta` seen"]);
    assert_eq!(app.verdicts(), [1, 2, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn path_that_counts_although_the_route_stands_for_it_is_found_by_turns() {
    let route = RoutePolicy::shared(MINUTE).key(Key::route());
    let app = Checked::on(route, |parts, _| parts.uri.path().to_owned());
    app.get("/a", &[]).await;
    for _ in 0..2 {
        assert_eq!(app.get("/b", &[]).await.text(), "/a");
        app.get("/a", &[]).await;
    }
    assert_eq!(app.found(), ["page: path seen"]);
}

#[tokio::test(start_paused = true)]
async fn identity_in_the_extensions_is_found() {
    let says = |parts: &Parts, _: usize| {
        let session = parts.extensions.get().map(|Session(name)| *name);
        session.unwrap_or("stranger").to_owned()
    };
    let layer = |layer: CacheLayer| layer.with_verify(every());
    let app = Checked::with(says, |cache| cache.identity::<Session>(), layer);
    assert_eq!(app.send(of(Session("alice"))).await.text(), "alice");
    assert_eq!(app.send(of(Session("bob"))).await.text(), "alice");
    assert_eq!(app.found(), [format!("/a: {SESSION} seen")]);

    let route = RoutePolicy::shared(MINUTE).name("page").verify(every());
    let layer = |layer: CacheLayer| layer.with_route_policy(route);
    let app = Checked::with(says, |cache| cache.identity::<Session>(), layer);
    assert_eq!(app.send(of(Session("alice"))).await.text(), "stranger");
    assert_eq!(app.send(of(Session("alice"))).await.text(), "stranger");
    assert_eq!(app.found(), [format!("page: {SESSION} withheld")]);
}

#[tokio::test(start_paused = true)]
async fn identity_that_another_route_is_partitioned_by_is_found() {
    let says = |parts: &Parts, _: usize| {
        let user = parts.extensions.get().map(|UserId(id)| *id);
        user.map_or_else(|| "stranger".into(), |id| id.to_string())
    };
    let app = Checked::obeying(says);
    let per_user = RoutePolicy::per_user::<UserId>(MINUTE);
    drop(CacheLayer::new(app.cache.clone()).with_route_policy(per_user));
    app.send(of(UserId(1))).await;
    assert_eq!(app.send(of(UserId(2))).await.text(), "1");
    assert_eq!(app.found(), [format!("/a: {USER_ID} seen")]);
}

#[tokio::test(start_paused = true)]
async fn one_input_is_named_among_many_with_few_calls() {
    let app = Checked::obeying(|parts, _| field(parts, "x-37"));
    let names: Vec<String> = (0..64).map(|at| format!("x-{at}")).collect();
    let fields = |value| -> Vec<_> { names.iter().map(|name| (&**name, value)).collect() };
    app.get("/a", &fields("1")).await;
    app.get("/a", &fields("2")).await;
    assert_eq!(app.found(), ["/a: header `x-37` seen"]);
    assert_eq!(app.calls(), 1 + 11);
}

#[tokio::test(start_paused = true)]
async fn every_input_that_counts_is_named() {
    let says = |parts: &Parts, _| field(parts, "x-a") + &has_cookie(parts, "b=2").to_string();
    let app = Checked::obeying(says);
    app.get("/a", &[("x-a", "1"), ("x-c", "1"), ("cookie", "b=1")])
        .await;
    app.get("/a", &[("x-a", "2"), ("x-c", "2"), ("cookie", "b=2")])
        .await;
    assert_eq!(app.found(), ["/a: cookie `b`, header `x-a` seen"]);
}

#[tokio::test(start_paused = true)]
async fn inputs_that_only_count_together_are_named_together() {
    let says = |parts: &Parts, _| {
        let beta = field(parts, "x-a") == "on" || field(parts, "x-b") == "on";
        beta.to_string()
    };
    let app = Checked::obeying(says);
    app.get("/a", &[]).await;
    app.get("/a", &[("x-a", "on"), ("x-b", "on")]).await;
    assert_eq!(app.found(), ["/a: header `x-a`, header `x-b` seen"]);
}

#[tokio::test(start_paused = true)]
async fn handler_of_a_nested_router_is_asked_with_its_path_and_its_extractors() {
    let cache = Cache::builder().build();
    let handler = async |Path(id): Path<u32>, headers: HeaderMap| {
        format!("{id} {}", headers.contains_key("x-beta"))
    };
    let route = RoutePolicy::shared(MINUTE).verify(every());
    let route = axum::routing::get(handler).cached(&cache, route);
    let app = Router::new().nest("/api", Router::new().route("/p/{id}", route));
    let ask = async |fields: &[(&str, &str)]| {
        let asked = request("GET", "/api/p/7?a=1", fields);
        let reply = Reply::read(app.clone().oneshot(asked).await.unwrap()).await;
        settle().await;
        assert_eq!(reply.text(), "7 false");
        let stats = cache.stats();
        (stats.verified(), stats.wrong_keys())
    };
    assert_eq!(ask(&[]).await, (0, 0));
    assert_eq!(ask(&[("x-other", "1")]).await, (1, 0));
    assert_eq!(ask(&[("x-beta", "1")]).await, (1, 1));
}
