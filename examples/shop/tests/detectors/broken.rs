//! What the cache finds while it runs.

use crate::{STORED, Shop};

#[tokio::test(start_paused = true)]
async fn narrowing_names_the_cookie_that_a_shared_page_varies_on() {
    let shop = Shop::open();
    let alice = shop.login("alice").await;
    let (_, text) = shop.get("/broken/greeting", &[("cookie", &alice)]).await;
    assert_eq!(text, "Hello, stranger");
    assert_eq!(
        shop.findings().await,
        [
            "/broken/greeting: Vary names header `cookie`, which the key does not declare and the \
             handler does not see; declare it if the response depends on it"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn tripwire_refuses_the_address_that_came_in_a_neutral_field() {
    let shop = Shop::open();
    let (alice, bob) = (shop.login("alice").await, shop.login("bob").await);
    let refused = "larder; fwd=uri-miss; detail=tripwire";
    for (user, email) in [(&alice, "alice@ace.example"), (&bob, "bob@aces.example")] {
        let (did, text) = shop.get("/broken/badge", &[("cookie", user)]).await;
        assert_eq!(
            (did.as_str(), text),
            (refused, format!("Signed in as {email}"))
        );
    }
    let (_, text) = shop.get("/broken/badge", &[]).await;
    assert_eq!(text, "Signed in as nobody");
    assert_eq!(
        shop.findings().await,
        [
            "/broken/badge: the response gives its caller away in its body, up to byte 30; it was not \
             stored"
        ]
    );
}

/// The same rule holds for routes that are right.
#[tokio::test(start_paused = true)]
async fn tripwire_refuses_what_a_user_searches_for_about_herself() {
    let shop = Shop::open();
    let alice = shop.login("alice").await;
    let path = "/search?q=alice%40ace.example";
    let (did, text) = shop.get(path, &[("cookie", &alice)]).await;
    assert_eq!(did, "larder; fwd=uri-miss; detail=tripwire");
    assert!(text.starts_with("alice@ace.example at"), "{text}");
    let (did, _) = shop.get(path, &[]).await;
    assert_eq!(did, STORED);
    let found = shop.findings().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("/search: "), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn verifying_hits_names_the_field_that_the_key_misses() {
    let shop = Shop::open();
    let (did, text) = shop.get("/broken/gallery", &[("user-agent", "a")]).await;
    assert_eq!((did.as_str(), text.as_str()), (STORED, "large pictures"));
    let saving = [("user-agent", "b"), ("save-data", "on")];
    let (_, text) = shop.get("/broken/gallery", &saving).await;
    assert_eq!(text, "large pictures");
    assert_eq!(
        shop.findings().await,
        [
            "/broken/gallery: the response depends on header `save-data`, not in the key: what was \
             made for one request is served to others; declare it, or name it in Vary"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn verifying_hits_names_who_asks() {
    let shop = Shop::open();
    let (alice, bob) = (shop.login("alice").await, shop.login("bob").await);
    for user in [&alice, &bob] {
        let (_, text) = shop.get("/broken/points", &[("cookie", user)]).await;
        assert!(text.starts_with("alice@ace.example"), "{text}");
    }
    let found = shop.findings().await;
    assert_eq!(found.len(), 1, "{found:?}");
    let names = "/broken/points: the response depends on extension `shop::identity::UserId`";
    assert!(found[0].starts_with(names), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn budget_names_the_user_agent_and_limits_its_route_alone() {
    let shop = Shop::open();
    for browser in 0..21 {
        let agent = format!("browser/{browser}");
        let (did, _) = shop
            .get("/broken/download", &[("user-agent", &agent)])
            .await;
        assert_eq!((browser, did.as_str() == STORED), (browser, browser < 20));
    }
    let agent = [("user-agent", "browser/21")];
    for expected in [
        "larder; fwd=uri-miss; detail=cardinality",
        STORED,
        crate::HIT,
    ] {
        let (did, _) = shop.get("/broken/download", &agent).await;
        assert_eq!(did, expected);
    }
    let (did, _) = shop.get("/welcome", &agent).await;
    assert_eq!(did, STORED);
    assert_eq!(
        shop.findings().await,
        [
            "/broken/download: header `user-agent` has more than 20 distinct values; a response is \
             stored only when it is asked for again"
        ]
    );
}
