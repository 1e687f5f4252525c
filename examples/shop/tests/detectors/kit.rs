//! What the test kit finds.

use larder_testing::{
    KeyCover, LeakReport, NoLeak, User, assert_key_covers, assert_layer_order, assert_no_leak,
};

use crate::{Shop, request};

#[tokio::test]
#[should_panic(
    expected = "header `save-data` changes the answer of /broken/gallery (its body) but is not in \
                its key: declare it (`Key::header_flag` or `Key::header`) or do not read it. One \
                request can be given what was made for another"
)]
async fn key_cover_names_the_field_that_the_key_misses() {
    assert_key_covers(Shop::open().app, request("/broken/gallery", &[])).await;
}

#[tokio::test]
async fn key_cover_names_the_session_that_others_share() {
    for (path, withheld) in [
        ("/broken/greeting", true),
        ("/broken/points", false),
        ("/broken/prices", true),
    ] {
        let shop = Shop::open();
        let (alice, carol) = (shop.login("alice").await, shop.login("carol").await);
        let carol = carol.trim_start_matches("session=");
        let test = KeyCover::new().cookie("session", carol);
        let request = request(path, &[("cookie", &alice)]);
        let report = test.check(shop.app, request).await.unwrap();
        let missing = report.missing();
        assert_eq!((report.route(), missing.len()), (path, 1), "{report}");
        assert_eq!(missing[0].input().to_string(), "cookie `session`");
        assert_eq!(missing[0].is_withheld(), withheld, "{report}");
    }
}

/// Narrowing keeps what these believe from them; the kit says so unless it is told.
#[tokio::test]
async fn key_cover_names_what_gullible_handlers_believe() {
    let (app, test) = (Shop::open().app, KeyCover::new());
    for path in ["/welcome", "/search"] {
        let checked = test.check(app.clone(), request(path, &[])).await;
        let report = checked.unwrap();
        let missing = report.missing().iter();
        let named: Vec<_> = missing
            .filter(|missing| missing.is_withheld())
            .map(|missing| missing.input().to_string())
            .collect();
        let expected = ["header `x-forwarded-host`", "header `x-forwarded-proto`"];
        assert_eq!(named, expected, "{report}");
    }
}

#[tokio::test]
async fn key_cover_tells_what_to_do_about_a_type_that_the_cache_does_not_know() {
    let shop = Shop::open();
    let alice = shop.login("alice").await;
    let request = request("/broken/offers", &[("cookie", &alice)]);
    let said = KeyCover::new().check(shop.app, request).await.unwrap_err();
    let said = said.to_string();
    assert!(said.contains("not stored (undeclared-extension)"), "{said}");
}

#[tokio::test]
#[should_panic(
    expected = "/broken/points: bob was given the e-mail (`al…`) of alice, in the body; \
                Cache-Status: larder; hit; ttl=60"
)]
async fn no_leak_tells_who_was_given_whose_address() {
    let shop = Shop::open();
    let [alice, bob] = users(&shop).await;
    assert_no_leak(shop.app, &alice, &bob, [request("/broken/points", &[])]).await;
}

#[tokio::test]
async fn no_leak_tells_of_pages_that_are_for_nobody() {
    for path in ["/broken/greeting", "/broken/prices"] {
        let shop = Shop::open();
        let report = leaks(&shop, path).await.to_string();
        let told = format!("{path}: alice is given another answer than without the cache");
        assert!(report.starts_with(&told), "{report}");
    }
}

#[tokio::test]
async fn no_leak_tells_of_what_a_stranger_left() {
    for path in ["/broken/badge", "/broken/offers"] {
        let report = leaks(&Shop::open(), path).await.to_string();
        let told = format!(
            "{path}: after somebody who is not logged in, alice was given another answer than \
             without the cache"
        );
        assert!(report.starts_with(&told), "{report}");
    }
}

#[tokio::test]
#[should_panic(
    expected = "/broken/visit: the session layer is inside the cache: `set-cookie` comes from \
                there. Put it outside"
)]
async fn layer_order_finds_the_session_that_starts_inside_the_cache() {
    assert_layer_order(Shop::open().app, request("/broken/visit", &[])).await;
}

async fn leaks(shop: &Shop, path: &str) -> LeakReport {
    let [alice, bob] = users(shop).await;
    let test = NoLeak::new().cache(&shop.cache);
    let requests = [request(path, &[])];
    test.check(shop.app.clone(), &alice, &bob, requests)
        .await
        .unwrap()
}

/// Two users as the kit has them.
pub async fn users(shop: &Shop) -> [User; 2] {
    let (alice, bob) = (shop.login("alice").await, shop.login("bob").await);
    let user = |name, cookie: &str, email| {
        let user = User::new(name).header("cookie", cookie);
        user.secret("e-mail", email).secret("session", cookie)
    };
    [
        user("alice", &alice, "alice@ace.example"),
        user("bob", &bob, "bob@aces.example"),
    ]
}
