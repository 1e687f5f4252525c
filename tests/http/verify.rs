//! Verify mode finds planted bugs in keys and names them, tells what is merely stale from them, and
//! is silent where all is well.

#[path = "verify/scene.rs"]
pub mod scene;

use axum::body::Body;
use http::Request;
use http::request::Parts;
use larder::{CacheBuilder, CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_tests::{Origin, Setup, get, request, response, settle};
use scene::{Checked, MINUTE, every, field, has_cookie};

#[derive(Clone)]
struct UserId(u64);

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

fn of<T: Clone + Send + Sync + 'static>(identity: T) -> Request<Body> {
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
async fn changed_resource_is_stale_within_its_lifetime_and_no_wrong_key() {
    let says = |_: &Parts, calls: usize| if calls == 0 { "old" } else { "new" }.to_owned();
    for app in [
        Checked::obeying(says),
        Checked::on(RoutePolicy::shared(MINUTE), says),
    ] {
        app.get("/a", &[("x-a", "1"), ("cookie", "s=1")]).await;
        for fields in [
            [("x-a", "1"), ("cookie", "s=1")],
            [("x-a", "2"), ("cookie", "s=2")],
        ] {
            assert_eq!(app.get("/a", &fields).await.text(), "old");
        }
        assert_eq!(app.found(), Vec::<String>::new());
        assert_eq!(app.verdicts(), [0, 2, 0, 0]);
        assert_eq!(app.cache.stats().findings(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn handler_that_never_says_the_same_twice_has_no_wrong_key() {
    let app = Checked::obeying(|_, calls| format!("call {calls}"));
    app.get("/a", &[("x-a", "1")]).await;
    for value in ["1", "2", "3"] {
        app.get("/a", &[("x-a", value)]).await;
    }
    assert_eq!(app.found(), Vec::<String>::new());
    assert_eq!(app.verdicts(), [0, 3, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn partition_covers_its_identity_and_the_credentials_of_its_user() {
    let says = |parts: &Parts, calls: usize| {
        let user = parts.extensions.get().map_or(0, |UserId(id)| *id);
        let signed_in = field(parts, "cookie") != "none" && field(parts, "authorization") != "none";
        format!("{user} {signed_in} {}", calls == 0)
    };
    let app = Checked::on(RoutePolicy::per_user::<UserId>(MINUTE), says);
    for session in ["1", "2"] {
        let cookie = format!("s={session}");
        let fields = [("cookie", &*cookie), ("authorization", session)];
        let mut request = request("GET", "/a", &fields);
        request.extensions_mut().insert(UserId(7));
        assert_eq!(app.send(request).await.text(), "7 true true");
    }
    assert_eq!(app.found(), Vec::<String>::new());
    assert_eq!(app.verdicts(), [0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn clean_app_is_checked_in_silence() {
    let key = || {
        let key = Key::new().query(["page"]).header_lowercase("x-region");
        key.cookie("theme").languages(["de", "en"])
    };
    let says = |parts: &Parts, _: usize| {
        let declared = ["x-region", "accept-language"].map(|name| field(parts, name));
        let dark = has_cookie(parts, "theme=dark");
        let page = parts.uri.query().unwrap_or_default().contains("page=2");
        format!("{declared:?} {dark} {page}")
    };
    let app = Checked::on(RoutePolicy::shared(MINUTE).key(key()), says);
    for client in 0..100 {
        let (agent, cookie) = (client.to_string(), format!("theme=dark; s={client}"));
        let language = if client % 2 == 0 {
            "de-CH, en;q=0.5"
        } else {
            "DE"
        };
        let fields = [
            ("user-agent", &*agent),
            ("cookie", &*cookie),
            ("x-region", if client % 3 == 0 { "EU" } else { "eu" }),
            ("accept-language", language),
        ];
        app.get(&format!("/a?utm={client}&page=2"), &fields).await;
    }
    assert_eq!(app.found(), Vec::<String>::new());
    assert_eq!(app.verdicts(), [99, 0, 0, 0]);
    assert_eq!(app.calls(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_vary_names_is_no_suspect() {
    let origin = Origin::new(|seen, calls| {
        let vary = [
            ("cache-control", "public, max-age=60"),
            ("vary", "accept-language"),
        ];
        let language = seen
            .headers
            .get("accept-language")
            .map_or(0, |value| value.len());
        response(200, &vary, format!("{} {}", calls == 0, language > 1))
    });
    let setup = Setup::with_layer(origin, |cache| CacheLayer::new(cache).with_verify(every()));
    for language in ["de, en", "de,en"] {
        let fields = [("accept-language", language)];
        assert_eq!(setup.get_with("/a", &fields).await.text(), "true true");
        settle().await;
    }
    let stats = setup.cache.stats();
    assert_eq!((stats.verified_stale(), stats.wrong_keys()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn extensions_that_are_declared_or_neutral_are_no_suspects() {
    let says = |parts: &Parts, calls: usize| {
        let user = parts.extensions.get().map_or(0, |UserId(id)| *id);
        format!("{user} {}", calls == 0)
    };
    let declared = Key::new().forward_all().extension::<UserId>();
    let declared = RoutePolicy::shared(MINUTE).key(declared).verify(every());
    let neutral = RoutePolicy::obey().verify(every());
    for (route, is_neutral) in [(declared, false), (neutral, true)] {
        let cache = |cache: CacheBuilder| {
            let cache = cache.identity::<UserId>();
            if is_neutral {
                cache.neutral_extension::<UserId>()
            } else {
                cache
            }
        };
        let app = Checked::with(says, cache, |layer| layer.with_route_policy(route));
        for _ in 0..2 {
            assert_eq!(app.send(of(UserId(7))).await.text(), "7 true");
        }
        assert_eq!(app.verdicts(), [0, 1, 0, 0], "{is_neutral}");
    }
}
