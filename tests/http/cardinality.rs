//! Keys without end: an input that is different in each request fills the store with responses that
//! nobody asks for again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use larder::{Cache, CacheLayer, Finding, Key, KeyPart, PartWriter, RoutePolicy};
use larder_axum::Cached as _;
use larder_tests::{Crowd, Origin, Reply, Setup, Slow, get, replies, request, response};
use tower::{Layer, ServiceExt};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const MINUTE: Duration = Duration::from_secs(60);
const LIMITED: &str = "larder; fwd=uri-miss; detail=cardinality";

/// So many values are more than a hundred, although an estimate may take two for the same.
const SURELY_OVER: usize = 110;

/// A route with room for a hundred values of each input.
fn of_hundred(origin: Origin) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_cardinality_budget(100)
    })
}

/// What was found on a route with room for a hundred values of each input.
async fn found_on(
    route: RoutePolicy,
    origin: Origin,
    requests: impl Iterator<Item = Request<Body>>,
) -> (Vec<String>, Vec<Reply>) {
    let (found, tell) = finder();
    let setup = Setup::with(
        origin,
        |cache| cache.on_finding(tell),
        |cache| {
            CacheLayer::new(cache).with_route_policy(route.name("items").cardinality_budget(100))
        },
    );
    let mut replies = Vec::new();
    for request in requests {
        replies.push(setup.send(request).await);
    }
    let found = std::mem::take(&mut *found.lock().unwrap());
    (found, replies)
}

fn finder() -> (Arc<Mutex<Vec<String>>>, impl Fn(&Finding) + Send + Sync) {
    let found = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&found);
    let tell = move |finding: &Finding| log.lock().unwrap().push(finding.to_string());
    (found, tell)
}

fn over(route: &str, input: &str) -> [String; 1] {
    let rule = "a response is stored only when it is asked for again";
    let budget = if input.contains("partition") {
        10_000
    } else {
        100
    };
    [format!(
        "{route}: {input} has more than {budget} distinct values; {rule}"
    )]
}

/// Asks for so many paths or queries, each once.
async fn flood(setup: &Setup, path: &str, count: usize) -> Vec<Reply> {
    let mut replies = Vec::new();
    for number in 0..count {
        replies.push(setup.get(&format!("{path}{number}")).await);
    }
    replies
}

fn stored(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| reply.is_stored()).count()
}

#[tokio::test]
async fn random_queries_over_the_budget_are_not_stored_and_say_why() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    let replies = flood(&setup, "/a?page=1&cb=", 1_000).await;
    assert!(replies[..100].iter().all(Reply::is_stored));
    assert!(
        replies[SURELY_OVER..]
            .iter()
            .all(|reply| reply.field("cache-status") == LIMITED)
    );
    assert_eq!(replies[999].text(), "call 1000");
    assert_eq!(setup.cache.stats().uncacheable(), 0);
}

#[tokio::test]
async fn user_agent_in_the_key_is_named_once() {
    let key = Key::new().header("accept-language").header("user-agent");
    let declared = RoutePolicy::shared(MINUTE).key(key);
    let vary = Origin::ok(&[FRESH, ("vary", "accept-language, user-agent")]);
    for (route, origin) in [(declared, Origin::ok(&[])), (RoutePolicy::obey(), vary)] {
        let requests = (0..1_000).map(|number| {
            let agent = format!("Bot/{number}");
            let fields = [("user-agent", &*agent), ("accept-language", "en")];
            request("GET", &format!("/{}", number % 50), &fields)
        });
        let (found, replies) = found_on(route, origin, requests).await;
        assert_eq!(found, over("items", "header `user-agent`"));
        assert!((100..SURELY_OVER).contains(&stored(&replies)));
        assert!(
            replies[999]
                .field("cache-status")
                .ends_with("detail=cardinality")
        );
    }
}

#[tokio::test]
async fn wrong_key_in_an_application_is_found_by_route_and_the_right_one_beside_it_is_not() {
    let (found, tell) = finder();
    let cache = Cache::builder().on_finding(tell).build();
    let page = |key: Key| {
        let route = RoutePolicy::shared(MINUTE).key(key).cardinality_budget(100);
        axum::routing::get(|| async { "page" }).cached(&cache, route)
    };
    let wrong = page(Key::new().query(["page"]).header("user-agent"));
    let right = page(Key::new().query(["page"]).header("accept-language"));
    let app = Router::new()
        .route("/wrong/{id}", wrong)
        .route("/right/{id}", right);
    for number in 0..300 {
        let agent = format!("Bot/{number}");
        let fields = [("user-agent", &*agent), ("accept-language", "en")];
        for path in ["wrong", "right"] {
            let request = request(
                "GET",
                &format!("/{path}/{}?cb={number}", number % 3),
                &fields,
            );
            let reply = app.clone().oneshot(request).await.unwrap();
            assert_eq!(Reply::read(reply).await.text(), "page");
        }
    }
    assert_eq!(
        *found.lock().unwrap(),
        over("/wrong/{id}", "header `user-agent`")
    );
}

#[tokio::test]
async fn routes_of_one_router_count_by_themselves() {
    let (found, tell) = finder();
    let cache = Cache::builder().on_finding(tell).build();
    let page = || axum::routing::get(|| async { [("cache-control", "max-age=60")] });
    let layer = larder_axum::layer(&cache).with_cardinality_budget(100);
    let app = Router::new()
        .route("/flooded", page())
        .route("/other", page());
    let app = app.layer(layer);
    let ask = |path: String| {
        let reply = app.clone().oneshot(get(&path));
        async { Reply::read(reply.await.unwrap()).await.is_stored() }
    };
    for number in 0..200 {
        ask(format!("/flooded?cb={number}")).await;
    }
    for number in 0..99 {
        assert!(ask(format!("/other?{number}")).await);
    }
    assert!(!ask("/flooded?new".to_owned()).await);
    assert_eq!(*found.lock().unwrap(), over("/flooded", "query `cb`"));
}

#[tokio::test]
async fn random_parameter_is_named_once() {
    let urls = || (0..1_000).map(|number| get(&format!("/a?page={}&cb={number}", number % 9)));
    for route in [RoutePolicy::obey(), RoutePolicy::shared(MINUTE)] {
        let (found, _) = found_on(route, Origin::ok(&[FRESH]), urls()).await;
        assert_eq!(found, over("items", "query `cb`"));
    }
    let allowed = RoutePolicy::shared(MINUTE).key(Key::new().query(["page"]));
    let (found, replies) = found_on(allowed, Origin::ok(&[]), urls()).await;
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(stored(&replies), 9);
}

#[tokio::test]
async fn every_kind_of_input_is_named() {
    #[derive(Clone)]
    struct Session(usize);

    impl KeyPart for Session {
        const NAME: &'static str = "session";

        fn write(&self, out: &mut PartWriter) {
            out.number(self.0 as u64);
        }
    }

    let shared = |key| RoutePolicy::shared(MINUTE).key(key);
    let routes = [
        ("cookie `sid`", shared(Key::new().no_query().cookie("sid"))),
        (
            "extension `session`",
            shared(Key::new().no_query().extension::<Session>()),
        ),
        (
            "partition `session`",
            RoutePolicy::per_user::<Session>(MINUTE).key(Key::new().no_query()),
        ),
        (
            "header `host`",
            RoutePolicy::obey().key(Key::new().no_query()),
        ),
        ("query", RoutePolicy::obey()),
    ];
    for (input, route) in routes {
        // Many users are nothing unusual.
        let many = if input.contains("partition") {
            11_000
        } else {
            200
        };
        let requests = (0..many).map(|number| {
            let cookie = format!("sid={number}");
            let host = if input.contains("host") { number } else { 0 };
            let host = format!("{host}.example");
            let mut request = request(
                "GET",
                &format!("/a?{number}=1"),
                &[("cookie", &cookie), ("host", &host)],
            );
            request.extensions_mut().insert(Session(number));
            request
        });
        let origin = Origin::ok(&[("cache-control", "public, max-age=60")]);
        let (found, _) = found_on(route, origin, requests).await;
        assert_eq!(found, over("items", input));
    }
}

#[tokio::test]
async fn clean_route_is_not_reported() {
    let key = Key::new().query(["page"]).header("accept-language");
    let route = RoutePolicy::shared(MINUTE).key(key);
    let requests = (0..2_000).map(|number| {
        let (agent, language) = (format!("Bot/{number}"), format!("x-{}", number % 10));
        let url = format!("/a?page={}&cb={number}", number % 100);
        request(
            "GET",
            &url,
            &[("user-agent", &agent), ("accept-language", &language)],
        )
    });
    let (found, replies) = found_on(route, Origin::ok(&[]), requests).await;
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(stored(&replies), 100);
}

#[tokio::test]
async fn random_paths_and_variants_are_limited_too() {
    // Many pages are nothing unusual: a hundred times as many as of anything else.
    let setup = Setup::with_layer(Origin::ok(&[FRESH]), |cache| {
        CacheLayer::new(cache).with_cardinality_budget(10)
    });
    let replies = flood(&setup, "/", 1_500).await;
    assert!(replies[..900].iter().all(Reply::is_stored));
    assert_eq!(stored(&replies[1_200..]), 0);

    let setup = of_hundred(Origin::ok(&[FRESH, ("vary", "user-agent")]));
    let mut replies = Vec::new();
    for number in 0..200 {
        let agent = format!("bot/{number}");
        replies.push(setup.get_with("/a", &[("user-agent", &agent)]).await);
    }
    assert!(replies[..100].iter().all(Reply::is_stored));
    assert_eq!(stored(&replies[SURELY_OVER..]), 0);
}

#[tokio::test]
async fn hot_responses_keep_their_hits_during_a_flood() {
    let page = Origin::new(|_, _| response(200, &[FRESH], vec![b'x'; 1_000]));
    let setup = Setup::shared(page.clone());
    let other = CacheLayer::new(setup.cache.clone()).layer(page);
    setup.get("/hot").await;
    other.clone().oneshot(get("/other")).await.unwrap();
    for number in 0..50_000 {
        setup.get(&format!("/a?{number}")).await;
        if number % 500 == 0 {
            assert!(setup.get("/hot").await.is_hit(), "after {number}");
            let reply = other.clone().oneshot(get("/other")).await.unwrap();
            assert!(Reply::read(reply).await.is_hit(), "after {number}");
        }
    }
    let stats = setup.cache.stats();
    assert!(
        (9_000..11_000).contains(&stats.stored()),
        "{}",
        stats.stored()
    );
    assert_eq!(stats.misses(), 50_002);
}

#[tokio::test]
async fn limited_route_stores_what_is_asked_for_again() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    flood(&setup, "/a?", 1_000).await;
    assert_eq!(setup.get("/a?new").await.field("cache-status"), LIMITED);
    assert!(setup.get("/a?new").await.is_stored());
    assert!(setup.get("/a?new").await.is_hit());
}

#[tokio::test]
async fn variants_are_asked_for_again_each_by_itself() {
    let setup = of_hundred(Origin::ok(&[FRESH, ("vary", "user-agent")]));
    flood(&setup, "/a?", SURELY_OVER).await;
    let as_bot = |bot| setup.send(request("GET", "/new", &[("user-agent", bot)]));
    for (bot, stores) in [("a", false), ("b", false), ("b", true), ("c", false)] {
        assert_eq!(as_bot(bot).await.is_stored(), stores, "{bot}");
    }
}

#[tokio::test]
async fn stored_response_of_a_limited_route_is_validated_and_replaced() {
    let origin = Origin::new(|seen, calls| match seen.headers.get("if-none-match") {
        Some(tag) if tag == "\"1\"" && calls < 200 => response(304, &[FRESH], ""),
        _ => response(200, &[FRESH, ("etag", "\"1\"")], "body"),
    });
    let setup = of_hundred(origin);
    assert!(setup.get("/hot").await.is_stored());
    flood(&setup, "/a?", SURELY_OVER).await;
    setup.clock.advance(61);
    let reply = setup.get("/hot").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=stale; fwd-status=304; ttl=60"
    );
    flood(&setup, "/b?", 200).await;
    setup.clock.advance(61);
    let reply = setup.get("/hot").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=stale; fwd-status=200; stored"
    );
    assert!(setup.get("/hot").await.is_hit());
}

#[tokio::test]
async fn limit_ends_two_windows_after_the_flood() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    flood(&setup, "/a?", 200).await;
    let steps = [(599, false), (1, false), (599, false), (1, true)];
    for (number, (seconds, stores)) in steps.into_iter().enumerate() {
        setup.clock.advance(seconds);
        let reply = setup.get(&format!("/b?{number}")).await;
        assert_eq!(reply.is_stored(), stores, "step {number}");
    }
    assert_eq!(stored(&flood(&setup, "/c?", 99).await), 99);
}

#[tokio::test]
async fn other_routes_are_not_limited() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    let other = CacheLayer::new(setup.cache.clone()).layer(setup.origin.clone());
    flood(&setup, "/a?", 200).await;
    for number in 0..200 {
        let reply = other
            .clone()
            .oneshot(get(&format!("/other?{number}")))
            .await
            .unwrap();
        assert!(Reply::read(reply).await.is_stored());
    }
    assert!(!setup.get("/a?new").await.is_stored());
}

#[tokio::test]
async fn route_with_as_many_keys_as_its_budget_is_not_limited() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    assert_eq!(stored(&flood(&setup, "/a?", 100).await), 100);
    setup.clock.advance(600);
    assert_eq!(stored(&flood(&setup, "/b?", 100).await), 100);
}

#[tokio::test]
async fn only_what_would_be_stored_anew_is_counted() {
    let origin = Origin::new(|seen, _| match seen.uri.path() {
        "/never" => response(200, &[("cache-control", "no-store")], ""),
        _ => response(200, &[("cache-control", "max-age=3600")], ""),
    });
    let setup = of_hundred(origin);
    flood(&setup, "/never?", 1_000).await;
    assert_eq!(stored(&flood(&setup, "/a?", 99).await), 99);
    for _ in 0..10 {
        assert!(flood(&setup, "/a?", 99).await.iter().all(Reply::is_hit));
    }
    setup.clock.advance(600);
    flood(&setup, "/a?", 99).await;
    assert_eq!(stored(&flood(&setup, "/b?", 99).await), 99);
}

#[tokio::test]
async fn budget_of_a_route_policy_replaces_the_layers_and_can_be_turned_off() {
    for (budget, stores) in [
        (None, 100..110),
        (Some(10), 10..12),
        (Some(u64::MAX), 200..201),
    ] {
        let setup = Setup::with_layer(Origin::ok(&[FRESH]), |cache| {
            let route = RoutePolicy::obey();
            let route = match budget {
                Some(budget) => route.cardinality_budget(budget),
                None => route,
            };
            let layer = CacheLayer::new(cache).with_cardinality_budget(100);
            layer.with_route_policy(route)
        });
        let stored = stored(&flood(&setup, "/a?", 200).await);
        assert!(stores.contains(&stored), "{stored} of {budget:?}");
    }
}

#[tokio::test]
async fn routes_made_from_one_layer_count_by_themselves() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    let base = CacheLayer::new(setup.cache.clone()).with_cardinality_budget(100);
    let routes = ["/a", "/b"].map(|path| {
        let route = base.clone().with_route_policy(RoutePolicy::obey());
        (path, route.layer(setup.origin.clone()))
    });
    for (path, route) in routes {
        for number in 0..99 {
            let request = request("HEAD", &format!("{path}?{path}{number}"), &[]);
            let reply = route.clone().oneshot(request).await.unwrap();
            assert!(Reply::read(reply).await.is_stored());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn followers_on_a_limited_route_wait_for_the_second_call() {
    let slow = Slow::second(|_, _| response(200, &[FRESH], "body"));
    let crowd = Crowd::with_layer(slow, |layer| layer.with_cardinality_budget(0));
    let replies = replies(crowd.send_all(100, |_| get("/a"))).await;
    assert_eq!(crowd.origin.calls(), 2);
    let told = |text| {
        replies
            .iter()
            .filter(|reply| reply.field("cache-status") == text)
            .count()
    };
    assert_eq!(told(LIMITED), 1);
    assert_eq!(told("larder; fwd=uri-miss; stored; collapsed=?0"), 1);
    assert_eq!(told("larder; fwd=uri-miss; collapsed"), 98);
}
