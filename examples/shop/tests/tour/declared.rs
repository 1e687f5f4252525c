//! Routes with declared inputs: languages, a feature flag, who is logged in, and planted mistakes.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use larder::Cache;

use crate::{answer, clocked, get, get_with, login, shop};

#[tokio::test]
async fn welcome_has_one_copy_for_each_language() {
    let (cache, _) = clocked();
    let app = shop::app(&cache);
    let german = "{\"home\":\"http://shop.example/welcome\",\"says\":\"Willkommen\"}";
    let ask = [("accept-language", "de-AT, en;q=0.5")];
    let reply = get_with(&app, "/welcome?utm_source=mail", &ask).await;
    assert_eq!(reply.outcome(), (STORED, german));
    let ask = [("accept-language", "de")];
    let reply = get_with(&app, "/welcome?utm_source=ads", &ask).await;
    assert_eq!(reply.outcome(), (HIT, german));
    let ask = [("x-forwarded-host", "evil.example")];
    let reply = get_with(&app, "/welcome", &ask).await;
    let english = german.replace("Willkommen", "Welcome");
    assert_eq!(reply.outcome(), (STORED, english.as_str()));
}

#[tokio::test]
async fn checkout_has_one_copy_for_each_side_of_the_flag() {
    let (cache, _) = clocked();
    let app = shop::app(&cache);
    for outcome in [STORED, HIT] {
        let new = get_with(&app, "/checkout", &[("cookie", "beta=1")]).await;
        assert_eq!(new.outcome(), (outcome, "{\"layout\":\"new\"}"));
        let old = get_with(&app, "/checkout", &[]).await;
        assert_eq!(old.outcome(), (outcome, "{\"layout\":\"old\"}"));
    }
}

#[tokio::test]
async fn two_parameters_of_a_search_count_in_any_order() {
    let (cache, _) = clocked();
    let app = shop::app(&cache);
    let found = "shoes at http://shop.example";
    let first = get_with(&app, "/search?q=shoes&page=2&x=7", &[]).await;
    assert_eq!(first.outcome(), (STORED, found));
    let second = get_with(&app, "/search?page=2&q=shoes", &[]).await;
    assert_eq!(second.outcome(), (HIT, found));
}

#[tokio::test]
async fn every_user_has_a_copy_until_they_log_out() {
    let app = shop();
    let (alice, bob) = (login(&app, "alice").await, login(&app, "bob").await);
    let alice = [("cookie", alice.as_str())];
    let bob = [("cookie", bob.as_str())];
    for path in ["/me", "/me/orders?page=1"] {
        for (user, name) in [(&alice, "alice"), (&bob, "bob")] {
            let first = get_with(&app, path, user).await;
            assert_eq!(first.field("cache-status"), STORED, "{path}");
            assert_eq!(first.field("cache-control"), "private");
            let second = get_with(&app, path, user).await;
            assert!(second.field("cache-status").contains("; hit;"), "{path}");
            assert!(second.text().contains(name), "{}", second.text());
        }
    }
    let nobody = get(&app, "/me").await;
    let bypass = "larder; fwd=bypass; detail=no-identity";
    assert_eq!(nobody.outcome(), (bypass, "log in first"));

    let out = Request::post("/logout").header("cookie", alice[0].1);
    let out = answer(&app, out.body(Body::empty()).unwrap()).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(
        get_with(&app, "/me", &alice).await.outcome(),
        nobody.outcome()
    );
    let bobs = get_with(&app, "/me", &bob).await;
    assert!(bobs.field("cache-status").contains("; hit;"));
    let again = login(&app, "alice").await;
    let again = get_with(&app, "/me", &[("cookie", &again)]).await;
    assert_eq!(again.field("cache-status"), STORED);
}

#[tokio::test]
async fn groups_share_a_copy_that_knows_none_of_them() {
    let (cache, _) = clocked();
    let app = shop::app(&cache);
    let mut cookies = Vec::new();
    for user in ["alice", "bob", "carol"] {
        cookies.push(login(&app, user).await);
    }
    let [alice, bob, carol] = [0, 1, 2].map(|at| [("cookie", cookies[at].as_str())]);
    let ace = "{\"branch\":\"shops\",\"company\":\"ace\",\"discount\":13}";
    assert_eq!(
        get_with(&app, "/prices", &alice).await.outcome(),
        (STORED, ace)
    );
    assert_eq!(
        get_with(&app, "/prices", &carol).await.outcome(),
        (HIT, ace)
    );
    let bobs = get_with(&app, "/prices", &bob).await;
    assert!(bobs.text().contains("\"company\":\"aces\""));
    assert_eq!(bobs.field("cache-status"), STORED);

    let buyer = "{\"may_buy\":true,\"sees_staff\":false}";
    let admin = "{\"may_buy\":true,\"sees_staff\":true}";
    for (user, outcome) in [
        (alice, (STORED, buyer)),
        (bob, (HIT, buyer)),
        (carol, (STORED, admin)),
    ] {
        assert_eq!(get_with(&app, "/dashboard", &user).await.outcome(), outcome);
    }
}

#[tokio::test]
async fn planted_leaks_are_refused_and_explained() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let cache = Cache::builder()
        .on_finding(move |finding| log.lock().unwrap().push(finding.to_string()))
        .build();
    let app = shop::app(&cache);
    let (alice, bob) = (login(&app, "alice").await, login(&app, "bob").await);
    for (user, name) in [(&alice, "alice"), (&bob, "bob")] {
        let user = [("cookie", user.as_str())];
        let greeting = get_with(&app, "/broken/greeting", &user).await;
        assert_eq!(greeting.text(), "Hello, stranger\n");
        let refused = "larder; fwd=uri-miss; detail=undeclared-extension";
        let offers = get_with(&app, "/broken/offers", &user).await;
        assert_eq!(offers.outcome(), (refused, &*format!("Offers for {name}")));
        let visit = get_with(&app, "/broken/visit", &user).await;
        let refused = "larder; fwd=uri-miss; detail=set-cookie";
        assert_eq!(visit.field("cache-status"), refused);
    }
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("/broken/greeting: Vary names header `cookie`"),
        "{told:?}"
    );
}

#[tokio::test]
async fn shop_without_its_planted_leaks_has_no_findings() {
    let cache = Cache::builder().build();
    let app = shop::app(&cache);
    let alice = login(&app, "alice").await;
    for path in [
        "/news",
        "/products/42",
        "/catalogue",
        "/basket",
        "/blog/posts",
        "/welcome",
        "/checkout",
        "/search?q=a",
        "/legacy/search?q=a",
        "/login",
        "/me",
        "/me/orders",
        "/account",
        "/prices",
        "/dashboard",
    ] {
        for fields in [&[][..], &[("cookie", alice.as_str())]] {
            get_with(&app, path, fields).await;
        }
    }
    assert_eq!(cache.stats().findings(), 0);
}

const STORED: &str = "larder; fwd=uri-miss; stored";
const HIT: &str = "larder; hit; ttl=60";
