//! What an edited product changes: itself, the list, and the baskets that it is in.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use larder::Cache;

use crate::{answer, clocked, get_with, login, send};

const STORED: &str = "larder; fwd=uri-miss; stored";
const LIST: &str = "{\"cents\":{\"1\":1999,\"2\":499,\"42\":12500},\"products\":3}";

/// What Alice, Bob and Carol are shown of their baskets, and who asks for the list.
struct Visitors {
    app: Router,
    cookies: [String; 3],
}

impl Visitors {
    async fn of(cache: &Cache) -> Self {
        let app = shop::app(cache);
        let cookies = [
            login(&app, "alice").await,
            login(&app, "bob").await,
            login(&app, "carol").await,
        ];
        Self { app, cookies }
    }

    /// What each is told of the cache, and what the basket costs.
    async fn baskets(&self) -> Vec<(bool, u64)> {
        let mut seen = Vec::new();
        for cookie in &self.cookies {
            let reply = get_with(&self.app, "/me/basket", &[("cookie", cookie)]).await;
            let said: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(reply.field("cache-control"), "private");
            let is_hit = reply.field("cache-status").contains("hit");
            seen.push((is_hit, said["cents"].as_u64().unwrap()));
        }
        seen
    }

    async fn see_all(&self) {
        get_with(&self.app, "/products", &[]).await;
        get_with(&self.app, "/products/42", &[]).await;
        self.baskets().await;
    }
}

#[tokio::test]
async fn edited_product_changes_the_list_and_the_baskets_it_is_in_at_once() {
    let (cache, _) = clocked();
    let visitors = Visitors::of(&cache).await;
    let app = &visitors.app;
    visitors.see_all().await;
    let list = get_with(app, "/products", &[]).await;
    assert_eq!(list.outcome(), ("larder; hit; ttl=600", LIST));
    let before = visitors.baskets().await;
    assert_eq!(before, [(true, 14_499), (true, 12_999), (true, 2_498)]);

    let put = send(app, "PUT", "/products/42", r#"{"cents":9900}"#).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);

    let list = get_with(app, "/products", &[]).await;
    let changed = LIST.replace("12500", "9900");
    assert_eq!(list.outcome(), (STORED, changed.as_str()));
    let product = get_with(app, "/products/42", &[]).await;
    assert!(product.text().contains("9900"), "{}", product.text());
    // Carol has no product 42, and keeps what is stored for her.
    let after = visitors.baskets().await;
    assert_eq!(after, [(false, 11_899), (false, 10_399), (true, 2_498)]);
}

#[tokio::test]
async fn failed_edit_changes_no_list_and_no_basket() {
    let (cache, _) = clocked();
    let visitors = Visitors::of(&cache).await;
    visitors.see_all().await;
    let put = send(&visitors.app, "PUT", "/products/42", "{}").await;
    assert_eq!(put.status, StatusCode::UNPROCESSABLE_ENTITY);
    let list = get_with(&visitors.app, "/products", &[]).await;
    assert_eq!(list.outcome(), ("larder; hit; ttl=600", LIST));
    assert!(visitors.baskets().await.iter().all(|(hit, _)| *hit));
}

/// A request to purge, by somebody.
async fn purge(app: &Router, cookie: &str, asked: &'static str) -> crate::Reply {
    let request = Request::post("/purge")
        .header("host", "shop.example")
        .header("content-type", "application/json")
        .header("cookie", cookie);
    answer(app, request.body(Body::from(asked)).unwrap()).await
}

#[tokio::test]
async fn softly_purged_product_is_shown_once_more_and_then_made_anew() {
    let (cache, _) = clocked();
    let visitors = Visitors::of(&cache).await;
    let (app, carol) = (&visitors.app, &visitors.cookies[2]);
    visitors.see_all().await;
    let said = purge(app, carol, r#"{"tag":"product:42","soft":true}"#).await;
    let said: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
    // The product, and the baskets of Alice and Bob.
    assert_eq!(
        (&said["responses"], &said["soft"]),
        (&3.into(), &true.into())
    );
    let product = |calls| format!("{{\"cents\":12500,\"handler_calls\":{calls},\"id\":42}}");
    let stale = get_with(app, "/products/42", &[]).await;
    let told = "larder; hit; ttl=0; detail=soft-purged";
    assert_eq!(stale.outcome(), (told, product(1).as_str()));
    while cache.stats().validations_replaced() == 0 {
        tokio::task::yield_now().await;
    }
    let fresh = get_with(app, "/products/42", &[]).await;
    let told = "larder; hit; ttl=60";
    assert_eq!(fresh.outcome(), (told, product(2).as_str()));
}

#[tokio::test]
async fn only_the_shops_own_people_purge() {
    let (cache, _) = clocked();
    let visitors = Visitors::of(&cache).await;
    visitors.see_all().await;
    let asked = r#"{"tag":"product:42"}"#;
    let mallory = login(&visitors.app, "mallory").await;
    for cookie in [&visitors.cookies[0], &mallory, "session=guessed"] {
        let refused = purge(&visitors.app, cookie, asked).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let hits = |seen: Vec<(bool, u64)>| seen.into_iter().map(|(hit, _)| hit).collect::<Vec<_>>();
    assert_eq!(hits(visitors.baskets().await), [true, true, true]);
    let said = purge(&visitors.app, &visitors.cookies[2], asked).await;
    assert_eq!(said.status, StatusCode::OK);
    assert_eq!(hits(visitors.baskets().await), [false, false, true]);
}
