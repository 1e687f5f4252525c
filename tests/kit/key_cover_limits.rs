//! `assert_key_covers`: when it can say nothing, and what does not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::{MethodRouter, get};
use larder::{Key, RoutePolicy};
use larder_axum::Cached;
use larder_testing::{KeyCover, assert_key_covers};

use crate::app::{MINUTE, UserId, cache, keyed, me, request};

/// Counts its calls in a header field and in the body.
fn counting() -> MethodRouter {
    let calls = Arc::new(AtomicUsize::new(0));
    get(move || async move {
        let call = calls.fetch_add(1, Ordering::SeqCst).to_string();
        ([("x-call", call.clone())], format!("call {call}"))
    })
}

fn app(handler: MethodRouter) -> Router {
    Router::new().route("/p", handler.cached(&cache(), keyed(Key::new())))
}

async fn untestable(app: Router) -> String {
    let checked = KeyCover::new().check(app, request("/p")).await;
    checked.unwrap_err().to_string()
}

#[tokio::test]
async fn answer_that_differs_by_itself_is_said_to_and_can_be_excluded() {
    let said = untestable(app(counting())).await;
    let expected = "the answer of /p is not deterministic: asked twice for the same, it differed in \
                    its header `x-call`. Exclude";
    assert!(said.starts_with(expected), "{said}");
    let cover = KeyCover::new().ignore_header("X-Call");
    let said = cover.check(app(counting()), request("/p")).await;
    assert!(said.unwrap_err().to_string().contains("in its body"));
    let cover = cover
        .compare_body_with(|one, other| one.starts_with(b"call") == other.starts_with(b"call"));
    cover.assert(app(counting()), request("/p")).await;
}

#[tokio::test]
async fn answer_that_differs_by_itself_now_and_then_is_no_missing_input() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seldom = get(move || async move {
        if calls.fetch_add(1, Ordering::SeqCst) < 5 {
            "early"
        } else {
            "late"
        }
    });
    assert!(untestable(app(seldom)).await.contains("not deterministic"));
}

#[tokio::test]
#[should_panic(expected = "GET /p: no cache answered the probe")]
async fn route_without_a_cache_is_said_to_have_none() {
    assert_key_covers(Router::new().route("/p", counting()), request("/p")).await;
}

#[tokio::test]
async fn answer_that_is_not_stored_shows_nothing() {
    let fresh = get(|| async { [("cache-control", "no-store")] });
    let said = untestable(app(fresh)).await;
    assert_eq!(
        said,
        "nothing can be said of /p: its answer to this request is not stored (no-store)"
    );
    let policy = RoutePolicy::per_user::<UserId>(MINUTE);
    let own = Router::new().route("/p", get(me).cached(&cache(), policy));
    assert!(
        untestable(own)
            .await
            .contains("put an identity into the request")
    );
}

#[tokio::test]
async fn answer_not_stored_for_an_unknown_extension_is_said_how_to_declare() {
    #[derive(Clone)]
    struct Nickname;

    let app = Router::new().route("/p", get(me).cached(&cache(), keyed(Key::new())));
    let mut request = request("/p");
    request.extensions_mut().insert(Nickname);
    let cookie = HeaderValue::from_static("session=1");
    request.headers_mut().insert("cookie", cookie);
    let said = KeyCover::new().check(app, request).await.unwrap_err();
    let said = said.to_string();
    assert!(said.contains("(undeclared-extension)"), "{said}");
    assert!(said.contains("`CacheBuilder::neutral_extension`"), "{said}");
}

#[tokio::test]
async fn answers_that_the_cache_would_never_mix_up_may_differ() {
    // An error is not stored, and without credentials there is none.
    let checked = |fields: HeaderMap| async move {
        let wrong = fields.contains_key("x-original-url");
        if wrong {
            Err(StatusCode::FORBIDDEN)
        } else {
            Ok("p")
        }
    };
    let route = get(checked).cached(&cache(), keyed(Key::new().forward_all()));
    let cover = KeyCover::new().header("x-original-url", "/admin");
    cover
        .assert(Router::new().route("/p", route), request("/p"))
        .await;
}

#[tokio::test]
async fn setting_that_cannot_be_is_said_to_be_wrong() {
    for cover in [
        KeyCover::new().header("no name", "1"),
        KeyCover::new().header("x-name", "\n"),
        KeyCover::new().ignore_header("no name"),
    ] {
        let said = cover.check(app(counting()), request("/p")).await;
        let said = said.unwrap_err().to_string();
        assert!(
            said.contains("no name") || said.contains("x-name"),
            "{said}"
        );
    }
}
