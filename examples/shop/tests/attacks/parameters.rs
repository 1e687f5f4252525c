//! Parameter cloaking: what the key takes for one parameter, and the handler for another.

use crate::wire::{Shop, attack, get};

/// What the gullible handler makes of a query, and whether it then looks for evil.
const QUERIES: [(&str, bool); 13] = [
    ("q=shoes;q=evil", true),
    ("q=shoes&q=evil", true),
    ("q=shoes&%71=evil", true),
    ("q=shoes&utm_content=1;q=evil", true),
    ("q=shoes&utm_content=1?q=evil", true),
    ("q=shoes&page=1;q=evil", true),
    ("q=shoes&q=%65vil", true),
    ("q=shoes%26q=evil", true),
    ("Q=evil&q=shoes", false),
    ("utm_content=1;q=evil&q=shoes", false),
    ("q=shoes&&", false),
    ("q=shoes&q", false),
    ("q=shoes&q%00=evil", false),
];

#[tokio::test]
async fn cloaked_parameter_does_not_change_what_others_find() {
    for (query, evil) in QUERIES {
        let victim = get("/legacy/search?q=shoes", &[]);
        let got = attack(&victim, &get(&format!("/legacy/search?{query}"), &[])).await;
        assert_eq!(got.contains("evil"), evil, "{query}: {got:?}");
        let victim = get("/search?q=shoes", &[]);
        attack(&victim, &get(&format!("/search?{query}"), &[])).await;
    }
}

#[tokio::test]
async fn parameter_that_does_not_count_does_not_reach_the_handler() {
    for query in [
        "q=shoes&utm_content=1;q=evil",
        "q=shoes&x=;q=evil",
        "q=shoes&utm_content=1?q=evil",
        "q=shoes&;q=evil",
    ] {
        let shop = Shop::open().await;
        let got = shop.get(&format!("/search?{query}"), &[]).await;
        assert_eq!(got.body(), "shoes at http://shop.example\n", "{query}");
        assert!(shop.get("/search?q=shoes", &[]).await.is_hit(), "{query}");
    }
}

#[tokio::test]
async fn ignored_campaign_carries_nothing_past_the_key() {
    for query in [
        "utm_x=1;q=evil",
        "utm_x=%26q=evil",
        "%75tm_x=1;q=evil",
        "utm_;q=evil=1",
    ] {
        let victim = get("/welcome", &[]);
        attack(&victim, &get(&format!("/welcome?{query}"), &[])).await;
    }
}
