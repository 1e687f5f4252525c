//! Keys without end: an input that is different in each request fills the store with responses that
//! nobody asks for again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use larder::{Cache, CacheLayer, Finding, Key, KeyPart, PartWriter, RoutePolicy};
use larder_axum::Cached as _;
use larder_tests::{Origin, Reply, Setup, get, request};
use tower::ServiceExt;

pub(crate) const FRESH: (&str, &str) = ("cache-control", "max-age=60");
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const LIMITED: &str = "larder; fwd=uri-miss; detail=cardinality";

/// So many values are more than a hundred, although an estimate may take two for the same.
pub(crate) const SURELY_OVER: usize = 110;

/// A route with room for a hundred values of each input.
pub(crate) fn of_hundred(origin: Origin) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_cardinality_budget(100)
    })
}

/// What was found on a route with room for a hundred values of each input.
pub(crate) async fn found_on(
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

pub(crate) fn finder() -> (Arc<Mutex<Vec<String>>>, impl Fn(&Finding) + Send + Sync) {
    let found = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&found);
    let tell = move |finding: &Finding| log.lock().unwrap().push(finding.to_string());
    (found, tell)
}

pub(crate) fn over(route: &str, input: &str) -> [String; 1] {
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
pub(crate) async fn flood(setup: &Setup, path: &str, count: usize) -> Vec<Reply> {
    let mut replies = Vec::new();
    for number in 0..count {
        replies.push(setup.get(&format!("{path}{number}")).await);
    }
    replies
}

pub(crate) fn stored(replies: &[Reply]) -> usize {
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
