//! `assert_no_leak`: answers that were made for somebody else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router, middleware};
use larder::{Cache, RoutePolicy};
use larder_axum::Cached;
use larder_testing::{LeakReport, NoLeak, User, assert_no_leak};

use crate::app::{MINUTE, UserId, authenticate, cache, me, product_key, products, request, user};

fn with_auth(routes: Router) -> Router {
    routes.layer(middleware::from_fn(authenticate))
}

/// Says who asks to whoever asks next.
fn leaky(cache: &Cache) -> Router {
    with_auth(Router::new().route("/me", public_me().cached(cache, RoutePolicy::obey())))
}

fn public_me() -> MethodRouter {
    get(|user: Option<Extension<UserId>>| async move {
        ([("cache-control", "public, max-age=60")], me(user).await)
    })
}

async fn report(test: &NoLeak, app: Router) -> LeakReport {
    let (anna, bob) = (user("anna"), user("bob"));
    test.check(app, &anna, &bob, [request("/me")])
        .await
        .unwrap()
}

fn said(report: &LeakReport) -> Vec<String> {
    report.leaks().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn clean_application_leaks_nothing() {
    let cache = cache();
    let policy = RoutePolicy::per_user::<UserId>(MINUTE);
    let routes = products(&cache, product_key()).route("/me", get(me).cached(&cache, policy));
    let paths = ["/me", "/products/7?currency=usd", "/products/8"].map(request);
    let (anna, bob) = (user("anna"), user("bob"));
    assert_no_leak(with_auth(routes), &anna, &bob, paths).await;
    assert!(cache.stats().hits() > 0);
}

#[tokio::test]
#[should_panic(
    expected = "/me: bob was given the e-mail (`an…`) of anna, in the body; Cache-Status: larder; \
                hit; ttl=60"
)]
async fn one_users_page_given_to_another_is_found() {
    let (anna, bob) = (user("anna"), user("bob"));
    assert_no_leak(leaky(&cache()), &anna, &bob, [request("/me")]).await;
}

#[tokio::test]
async fn secrets_are_not_shown_and_nobody_is_missed() {
    let report = report(&NoLeak::new(), leaky(&cache())).await;
    let text = report.to_string();
    for whole in ["anna@example.com", "bob@example.com", "token-of"] {
        assert!(!text.contains(whole), "{text}");
    }
    let askers: Vec<_> = report.leaks().iter().map(|leak| leak.asker()).collect();
    let nobody = "somebody who is not logged in";
    // What anna filled is still there when others fill.
    assert_eq!(askers, ["bob", nobody, "bob", nobody, "bob", nobody]);
    assert!(
        report
            .leaks()
            .iter()
            .all(|leak| leak.whose() == Some("anna"))
    );
}

#[tokio::test]
async fn emptied_cache_is_filled_by_the_others_too() {
    let cache = cache();
    let test = NoLeak::new().cache(&cache);
    let report = report(&test, leaky(&cache)).await;
    let found: Vec<_> = report
        .leaks()
        .iter()
        .map(|leak| (leak.asker(), leak.whose().unwrap_or_default()))
        .collect();
    let nobody = "somebody who is not logged in";
    let expected = [
        ("bob", "anna"),
        (nobody, "anna"),
        ("anna", "bob"),
        (nobody, "bob"),
        ("anna", ""),
        ("bob", ""),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn page_that_a_stranger_left_is_found() {
    let handler = get(|user: Option<Extension<UserId>>| async move {
        let keep = if user.is_some() {
            "no-store"
        } else {
            "public, max-age=60"
        };
        ([("cache-control", keep)], me(user).await)
    });
    let cache = cache();
    let routes = Router::new().route("/me", handler.cached(&cache, RoutePolicy::obey()));
    let test = NoLeak::new().cache(&cache);
    let report = report(&test, with_auth(routes)).await;
    let expected = ["anna", "bob"].map(|user| {
        format!(
            "/me: after somebody who is not logged in, {user} was given another answer than without \
             the cache (body from byte 8 on); Cache-Status: larder; hit; ttl=60"
        )
    });
    assert_eq!(said(&report), expected);
}

#[tokio::test]
async fn secret_in_a_field_is_found() {
    let handler = get(|user: Option<Extension<UserId>>| async move {
        let user = user.map_or_else(|| "nobody".to_owned(), |user| user.0.0);
        let field = format!("{user}@example.com");
        [
            ("cache-control", "public, max-age=60".to_owned()),
            ("x-user", field),
        ]
    });
    let routes = Router::new().route("/me", handler.cached(&cache(), RoutePolicy::obey()));
    let report = report(&NoLeak::new(), with_auth(routes)).await;
    assert!(said(&report)[0].contains("in the header `x-user`"));
}

#[tokio::test]
async fn wrong_page_without_a_secret_is_found() {
    let handler = get(|user: Option<Extension<UserId>>| async move {
        let offer = user.map_or(
            "log in",
            |user| if user.0.0 == "anna" { "20 %" } else { "5 %" },
        );
        ([("cache-control", "public, max-age=60")], offer)
    });
    let routes = Router::new().route("/me", handler.cached(&cache(), RoutePolicy::obey()));
    let report = report(&NoLeak::new(), with_auth(routes)).await;
    let expected = "/me: after anna, bob was given another answer than without the cache (body); \
                    Cache-Status: larder; hit; ttl=60";
    assert_eq!(said(&report)[0], expected);
    assert_eq!(report.leaks()[0].whose(), None);
}

#[tokio::test]
async fn page_made_without_its_user_is_told_from_a_leak() {
    let routes = Router::new().route("/me", get(me).cached(&cache(), RoutePolicy::shared(MINUTE)));
    let report = report(&NoLeak::new(), with_auth(routes)).await;
    let said = said(&report);
    assert!(
        said[0]
            .contains("anna is given another answer than without the cache (body from byte 8 on)"),
        "{said:?}"
    );
    assert!(said[0].contains("does not see it on a miss"));
    assert!(report.leaks().iter().all(|leak| leak.whose().is_none()));
}

#[tokio::test]
async fn handler_that_leaks_by_itself_is_told_from_the_cache() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = get(move |user: Option<Extension<UserId>>| async move {
        let mut seen = seen.lock().unwrap();
        let user = user.map(|user| format!("{}@example.com", user.0.0));
        let new = user.filter(|user| !seen.contains(user));
        seen.extend(new);
        ([("cache-control", "no-store")], seen.join(", ")).into_response()
    });
    let routes = Router::new().route("/me", handler.cached(&cache(), RoutePolicy::obey()));
    let report = report(&NoLeak::new(), with_auth(routes)).await;
    assert!(
        said(&report)
            .iter()
            .any(|said| said.contains("also without the cache"))
    );
}

#[tokio::test]
async fn answer_that_differs_by_itself_is_said_to_and_can_be_excluded() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = get(move || async move {
        let call = calls.fetch_add(1, Ordering::SeqCst).to_string();
        ([("x-call", call.clone())], call)
    });
    let route = counting.cached(&cache(), RoutePolicy::shared(MINUTE));
    let app = Router::new().route("/me", route);
    let (anna, bob) = (user("anna"), user("bob"));
    let test = NoLeak::new();
    let checked = test.check(app.clone(), &anna, &bob, [request("/me")]);
    let said = checked.await.unwrap_err().to_string();
    assert!(said.contains("not deterministic"), "{said}");
    let test = test.ignore_header("x-call").compare_body_with(|_, _| true);
    test.assert(app, &anna, &bob, [request("/me")]).await;
}

#[tokio::test]
async fn what_cannot_be_tested_is_said() {
    let (anna, bob) = (user("anna"), user("bob"));
    let check = async |app: Router, anna: &User| {
        let checked = NoLeak::new().check(app, anna, &bob, [request("/me")]).await;
        checked.unwrap_err().to_string()
    };
    let uncached = with_auth(Router::new().route("/me", get(me)));
    assert!(
        check(uncached.clone(), &anna)
            .await
            .contains("no cache answered the probe")
    );
    let empty = User::new("anna").secret("e-mail", "");
    assert_eq!(
        check(uncached.clone(), &empty).await,
        "secret: \"e-mail\" is empty"
    );
    let unsendable = User::new("anna").header("no name", "");
    assert!(check(uncached, &unsendable).await.contains("no name"));
}
