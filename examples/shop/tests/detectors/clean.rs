//! Silence, on all routes that are right.

use larder::{RoutePolicy, Verify};
use larder_testing::{KeyCover, LayerOrder, NoLeak};
use serde_json::Value;

use crate::kit::users;
use crate::{Shop, request};

/// Annotated, and stored for all or for some.
const ANNOTATED: [&str; 14] = [
    "/products/42",
    "/catalogue",
    "/report",
    "/blog/posts",
    "/welcome?utm_source=mail",
    "/checkout",
    "/search?q=shoes&page=2",
    "/help/prices",
    "/login",
    "/me",
    "/me/orders?page=1",
    "/me/of/today",
    "/prices",
    "/dashboard",
];

/// Annotated, and never stored: nothing can be said of their keys.
const NOT_STORED: [&str; 3] = ["/export", "/basket", "/blog/drafts"];

/// Without an annotation.
const OBEYING: [&str; 4] = [
    "/news",
    "/legacy/search?q=shoes",
    "/legacy/help/prices",
    "/account",
];

fn all() -> impl Iterator<Item = &'static str> {
    ANNOTATED.into_iter().chain(NOT_STORED).chain(OBEYING)
}

#[tokio::test(start_paused = true)]
async fn keys_cover_what_answers_depend_on() {
    let shop = Shop::open();
    let mut others = KeyCover::new().cookie("beta", "1");
    for user in ["bob", "carol", "mallory"] {
        let cookie = shop.login(user).await;
        others = others.cookie("session", cookie.trim_start_matches("session="));
    }
    // These two believe whom they are told by. They are not told.
    let others = others
        .withheld("x-forwarded-host")
        .withheld("x-forwarded-proto")
        .compare_body_with(same_but_for_counters);
    let alice = shop.login("alice").await;
    for path in ANNOTATED.into_iter().chain(["/news"]) {
        let request = request(path, &[("cookie", &alice), ("accept-language", "de")]);
        others.assert(shop.app.clone(), request).await;
    }
    for path in NOT_STORED {
        let checked = others.check(shop.app.clone(), request(path, &[])).await;
        let said = checked.unwrap_err().to_string();
        assert!(said.contains("is not stored"), "{said}");
    }
    assert_eq!(shop.findings().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_given_what_is_not_theirs() {
    let shop = Shop::open();
    let [alice, bob] = users(&shop).await;
    let test = NoLeak::new().compare_body_with(same_but_for_counters);
    for test in [test.clone(), test.cache(&shop.cache)] {
        let requests = all().map(|path| request(path, &[]));
        test.assert(shop.app.clone(), &alice, &bob, requests).await;
    }
    assert!(shop.cache.stats().hits() > 0);
    assert_eq!(shop.findings().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn layers_are_on_the_right_side_of_the_cache() {
    let shop = Shop::open();
    let alice = shop.login("alice").await;
    for path in all() {
        let request = request(path, &[("cookie", &alice)]);
        LayerOrder::new().assert(shop.app.clone(), request).await;
    }
}

/// With every hit verified, the tripwire on, and the budget as it is by default.
#[tokio::test(start_paused = true)]
async fn tour_of_two_users_and_a_stranger_finds_nothing() {
    let shop = Shop::open_with(every_hit);
    let (alice, bob) = (shop.login("alice").await, shop.login("bob").await);
    for browser in ["a/1", "b/2", "c/3"] {
        for path in all() {
            for (user, language) in [
                (Some(&alice), "de-AT, en;q=0.5"),
                (Some(&bob), "fr"),
                (None, "en"),
            ] {
                let cookie = user.map(|cookie| ("cookie", cookie.as_str()));
                let fields = [("accept-language", language), ("user-agent", browser)];
                let fields: Vec<_> = fields.into_iter().chain(cookie).collect();
                shop.get(path, &fields).await;
            }
        }
    }
    assert_eq!(shop.findings().await, [""; 0]);
    let stats = shop.cache.stats();
    assert_eq!((stats.findings(), stats.verify_failures()), (0, 0));
    // Those that count their calls are never twice the same.
    assert_eq!((stats.verified(), stats.verified_stale()), (75, 16));
}

fn every_hit(policy: RoutePolicy) -> RoutePolicy {
    policy.verify(Verify::sample(1.0).max_per_second(1_000_000))
}

/// Some handlers count their calls.
fn same_but_for_counters(one: &[u8], other: &[u8]) -> bool {
    let counted = |body: &[u8]| {
        let mut json: Value = serde_json::from_slice(body).ok()?;
        for counter in ["edition", "handler_calls", "times_made"] {
            json.as_object_mut()?.remove(counter);
        }
        Some(json)
    };
    one == other || counted(one).is_some_and(|one| Some(one) == counted(other))
}
