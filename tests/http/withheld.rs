//! What a handler on an annotated route does not get to see, besides fields and parameters, and what
//! follows for its responses.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::{Extension, Router};
use http::{Request, Response};
use larder::{Cache, CacheBuilder, CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_tests::{Reply, TestClock, request};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

const MINUTE: Duration = Duration::from_secs(60);

/// Who asks, as the application's own authentication made it of the cookie.
#[derive(Clone)]
struct CurrentUser(&'static str);

impl KeyPart for CurrentUser {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

#[derive(Clone)]
struct RequestId;

type App = BoxCloneSyncService<Request<Body>, Response<larder::ResponseBody<Body>>, Infallible>;

/// A handler that greets who asks, found in the extensions.
fn greeting(route: RoutePolicy, set: impl FnOnce(CacheBuilder) -> CacheBuilder) -> (App, Cache) {
    let handler = service_fn(|request: Request<Body>| async move {
        let user = request.extensions().get();
        let name = user.map_or("stranger", |CurrentUser(name)| name);
        Ok::<_, Infallible>(Response::new(Body::from(name)))
    });
    let cache = set(Cache::builder())
        .clock(TestClock::default().clock())
        .build();
    let layer = CacheLayer::new(cache.clone()).with_route_policy(route);
    (BoxCloneSyncService::new(layer.layer(handler)), cache)
}

async fn ask(app: &App, user: &'static str) -> Reply {
    let mut request = request("GET", "/me", &[("cookie", "session=7")]);
    request.extensions_mut().insert(CurrentUser(user));
    request.extensions_mut().insert(RequestId);
    Reply::read(app.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn response_that_may_be_made_of_an_identity_in_the_extensions_is_not_stored_for_all() {
    let (app, _) = greeting(RoutePolicy::shared(MINUTE), |builder| builder);
    let reply = ask(&app, "alice").await;
    let expected = "larder; fwd=uri-miss; detail=undeclared-extension";
    assert_eq!(reply.field("cache-status"), expected);
    assert_eq!(ask(&app, "bob").await.text(), "bob");
}

#[tokio::test]
async fn identity_may_have_been_made_of_any_field_that_tells_who_asks() {
    for name in [
        "x-api-key",
        "authorization",
        "x-session-id",
        "x-ssl-client-verify",
    ] {
        let (app, _) = greeting(RoutePolicy::shared(MINUTE), |builder| builder);
        let mut request = request("GET", "/me", &[(name, "7")]);
        request.extensions_mut().insert(CurrentUser("alice"));
        let reply = Reply::read(app.oneshot(request).await.unwrap()).await;
        let expected = "larder; fwd=uri-miss; detail=undeclared-extension";
        assert_eq!(reply.field("cache-status"), expected, "{name}");
    }
}

#[tokio::test]
async fn field_that_only_hints_at_who_asks_is_in_the_way_of_nothing_else() {
    let (app, _) = greeting(RoutePolicy::obey().lifetime(MINUTE), |builder| builder);
    let asked = request("GET", "/me", &[("x-api-key", "7")]);
    let reply = Reply::read(app.clone().oneshot(asked).await.unwrap()).await;
    assert!(reply.is_stored());
    let (app, _) = greeting(RoutePolicy::shared(MINUTE), |builder| builder);
    let asked = request("GET", "/me", &[("x-api-key", "7")]);
    assert!(
        Reply::read(app.oneshot(asked).await.unwrap())
            .await
            .is_stored()
    );
}

#[tokio::test]
async fn identity_that_the_cache_knows_of_is_withheld_from_shared_routes() {
    let known = |builder: CacheBuilder| {
        builder
            .identity::<CurrentUser>()
            .neutral_extension::<RequestId>()
    };
    let (app, _) = greeting(RoutePolicy::shared(MINUTE), known);
    let reply = ask(&app, "alice").await;
    assert_eq!((reply.text(), reply.is_stored()), ("stranger", true));
    assert!(ask(&app, "bob").await.is_hit());
}

#[tokio::test]
async fn identity_of_one_route_is_known_on_the_others() {
    let neutral = |builder: CacheBuilder| builder.neutral_extension::<RequestId>();
    let (app, cache) = greeting(RoutePolicy::shared(MINUTE), neutral);
    let own = RoutePolicy::per_user::<CurrentUser>(MINUTE);
    drop(CacheLayer::new(cache).with_route_policy(own));
    assert_eq!(ask(&app, "alice").await.text(), "stranger");
}

#[tokio::test]
async fn identity_reaches_the_handler_of_its_own_partition() {
    let (app, _) = greeting(RoutePolicy::per_user::<CurrentUser>(MINUTE), |builder| {
        builder
    });
    assert_eq!(ask(&app, "alice").await.text(), "alice");
    assert_eq!(ask(&app, "bob").await.text(), "bob");
    assert!(ask(&app, "alice").await.is_hit());
}

#[tokio::test]
async fn declared_extension_reaches_the_handler_and_tells_responses_apart() {
    let neutral = |builder: CacheBuilder| builder.neutral_extension::<RequestId>();
    let key = Key::new().extension_with("user", |user: &CurrentUser| user.0.to_owned());
    let (app, _) = greeting(RoutePolicy::shared(MINUTE).key(key), neutral);
    assert_eq!(ask(&app, "alice").await.text(), "alice");
    assert_eq!(ask(&app, "bob").await.text(), "bob");
    assert!(ask(&app, "alice").await.is_hit());
}

#[tokio::test]
async fn identity_of_another_route_reaches_the_handler_that_declares_it() {
    let neutral = |builder: CacheBuilder| {
        builder
            .neutral_extension::<RequestId>()
            .identity::<CurrentUser>()
    };
    let key = Key::new().extension::<CurrentUser>();
    let (app, _) = greeting(RoutePolicy::shared(MINUTE).key(key), neutral);
    assert_eq!(ask(&app, "alice").await.text(), "alice");
    assert_eq!(ask(&app, "bob").await.text(), "bob");
    assert!(ask(&app, "alice").await.is_hit());
}

#[tokio::test]
async fn extension_that_is_known_twice_makes_no_room_for_one_that_is_not() {
    let neutral = |builder: CacheBuilder| builder.neutral_extension::<RequestId>();
    let key = Key::new().extension_with("request", |RequestId| String::new());
    let (app, _) = greeting(RoutePolicy::shared(MINUTE).key(key), neutral);
    let reply = ask(&app, "alice").await;
    let expected = "larder; fwd=uri-miss; detail=undeclared-extension";
    assert_eq!(
        (reply.text(), reply.field("cache-status")),
        ("alice", expected)
    );
    assert_eq!(ask(&app, "bob").await.text(), "bob");
}

#[tokio::test]
async fn extension_of_the_framework_that_is_neutral_too_makes_no_room_either() {
    let cache = Cache::builder().neutral_extension::<MatchedPath>().build();
    let handler = |Extension(CurrentUser(name)): Extension<CurrentUser>| async move { name };
    let layer = larder_axum::layer(&cache).with_route_policy(RoutePolicy::shared(MINUTE));
    let app: Router = Router::new().route("/me", axum::routing::get(handler).layer(layer));
    for user in ["alice", "bob"] {
        let mut request = request("GET", "/me", &[("cookie", "session=7")]);
        request.extensions_mut().insert(CurrentUser(user));
        let reply = Reply::read(app.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(reply.text(), user);
    }
}

#[tokio::test]
async fn handler_that_is_to_see_everything_does() {
    let all = RoutePolicy::shared(MINUTE).key(Key::new().forward_all());
    let (app, _) = greeting(all, |builder| builder.identity::<CurrentUser>());
    let reply = ask(&app, "alice").await;
    assert_eq!((reply.text(), reply.is_stored()), ("alice", false));
}

#[tokio::test(start_paused = true)]
async fn validation_in_the_background_is_narrowed_like_the_request_that_filled() {
    use larder_tests::{Origin, Setup, settle};
    let key = Key::new()
        .query(["page"])
        .languages(["en", "de"])
        .cookie("theme");
    let route = RoutePolicy::shared(MINUTE)
        .stale_while_revalidate(MINUTE)
        .key(key);
    let setup = Setup::with_layer(Origin::ok(&[]), |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    });
    let fields = [
        ("accept-language", "de-AT, en;q=0.5"),
        ("cookie", "theme=dark; session=7"),
        ("authorization", "Bearer secret"),
        ("traceparent", "00-1-2-00"),
        ("host", "example.com"),
    ];
    setup.get_with("/p?utm=1&page=2", &fields).await;
    setup.clock.advance(61);
    assert!(setup.get_with("/p?page=2&utm=2", &fields).await.is_hit());
    settle().await;
    assert_eq!(setup.origin.calls(), 2);
    let seen = setup.origin.last_seen();
    assert_eq!(seen.uri, "/p?page=2");
    let mut sent: Vec<_> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    sent.sort_unstable();
    assert_eq!(sent, ["accept-language", "cookie", "host"]);
    assert_eq!(seen.headers["accept-language"], "de");
    assert_eq!(seen.headers["cookie"], "theme=dark");
    assert!(
        setup
            .get_with("/p?page=2", &fields)
            .await
            .field("cache-status")
            .starts_with("larder; hit; ttl=60")
    );
}
