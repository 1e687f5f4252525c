//! What an application tests of its caching: that keys miss nothing, that nobody gets another's
//! answer, that no layer is on the wrong side of the cache. And that what is broken is found.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use larder::Cache;
use larder_testing::{KeyCover, LayerKind, LayerOrder, NoLeak, User, assert_layer_order};
use serde_json::Value;
use tower::ServiceExt;

/// Routes without planted bugs, whose answers are stored for who is logged in.
const STORED: [&str; 9] = [
    "/news",
    "/products/1",
    "/catalogue?page=2",
    "/report",
    "/blog/posts",
    "/checkout",
    "/me",
    "/me/orders?page=2",
    "/dashboard",
];

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The cookie of a new session.
async fn log_in(app: &Router, user: &str) -> String {
    let request = Request::post("/login").header("content-type", "application/json");
    let body = Body::from(format!("{{\"user\":{user:?}}}"));
    let response = app.clone().oneshot(request.body(body).unwrap()).await;
    let cookie = response.unwrap().headers()["set-cookie"].clone();
    let cookie = cookie.to_str().unwrap();
    cookie.split_once(';').unwrap().0.to_owned()
}

async fn as_alice(app: &Router, path: &str) -> Request<Body> {
    let mut request = get(path);
    let cookie = log_in(app, "alice").await;
    request
        .headers_mut()
        .insert("cookie", cookie.parse().unwrap());
    request
}

/// Also tries the sessions of somebody else, and of somebody of the same company.
async fn cover(app: &Router) -> KeyCover {
    let mut cover = KeyCover::new().compare_body_with(same);
    for user in ["bob", "carol"] {
        let cookie = log_in(app, user).await;
        let (name, token) = cookie.split_once('=').unwrap();
        cover = cover.cookie(name, token);
    }
    cover
}

/// The same but for what counts how often it was made.
fn same(one: &[u8], other: &[u8]) -> bool {
    let uncounted = |body: &[u8]| {
        let mut page: Value = serde_json::from_slice(body).ok()?;
        if let Some(page) = page.as_object_mut() {
            for counter in ["edition", "handler_calls", "times_made"] {
                page.remove(counter);
            }
        }
        Some(page)
    };
    one == other || uncounted(one).is_some_and(|one| Some(one) == uncounted(other))
}

#[tokio::test(start_paused = true)]
async fn keys_cover_what_answers_depend_on() {
    for path in STORED {
        let app = shop::app(&Cache::builder().build());
        let request = as_alice(&app, path).await;
        cover(&app).await.assert(app, request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn inputs_that_broken_routes_read_are_found() {
    for (path, input) in [
        ("/broken/greeting", "cookie `session`"),
        ("/prices", "cookie `session`"),
        ("/welcome", "header `x-forwarded-host`"),
    ] {
        let app = shop::app(&Cache::builder().build());
        let request = as_alice(&app, path).await;
        let report = cover(&app).await.check(app, request).await;
        let said = report.unwrap().to_string();
        assert!(
            said.contains(&format!("{input} changes the answer of {path} ")),
            "{said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn answer_made_of_an_unknown_extension_is_said_not_to_be_stored() {
    let app = shop::app(&Cache::builder().build());
    let request = as_alice(&app, "/broken/offers").await;
    let checked = KeyCover::new().check(app, request).await;
    let said = checked.unwrap_err().to_string();
    assert!(said.contains("(undeclared-extension)"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn layers_are_on_the_right_side_of_the_cache() {
    for path in STORED {
        let app = shop::app(&Cache::builder().build());
        let request = as_alice(&app, path).await;
        assert_layer_order(app, request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn cookie_set_inside_the_cache_is_found() {
    let app = shop::app(&Cache::builder().build());
    let report = LayerOrder::new().check(app, get("/broken/visit")).await;
    let report = report.unwrap();
    let kinds: Vec<_> = report
        .misplaced()
        .iter()
        .map(|found| found.kind())
        .collect();
    assert_eq!(kinds, [LayerKind::Session]);
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_what_was_made_for_another() {
    let cache = Cache::builder().build();
    let app = shop::app(&cache);
    let user = async |name: &str| {
        let cookie = log_in(&app, name).await;
        let token = cookie.split_once('=').unwrap().1;
        User::new(name)
            .header("cookie", &cookie)
            .secret("token", token)
            .secret("e-mail", format!("{name}@"))
    };
    let (alice, bob) = (user("alice").await, user("bob").await);
    let test = NoLeak::new().compare_body_with(same).cache(&cache);
    test.assert(app, &alice, &bob, STORED.map(get)).await;
    assert!(cache.stats().hits() > 0);
}
