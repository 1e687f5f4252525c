//! Getting others the wrong form of a page: another language, the other side of a feature flag.

use crate::wire::{Shop, attack, get};

#[tokio::test]
async fn page_in_one_language_is_not_served_to_who_did_not_ask_for_it() {
    let german = get("/welcome", &["Accept-Language: de"]);
    for victim in [
        &[][..],
        &["Accept-Language:"],
        &["Accept-Language: en"],
        &["Accept-Language: *"],
        &["Accept-Language: de;q=0, fr;q=0.1"],
        &["Accept-Language: xx"],
        &["Accept-Language: en", "Accept-Language: de;q=0.5"],
    ] {
        let got = attack(&get("/welcome", victim), &german).await;
        assert!(got.contains("Willkommen"), "{got:?}");
        let got = attack(&german, &get("/welcome", victim)).await;
        assert!(!got.contains("Willkommen"), "{victim:?}: {got:?}");
    }
}

#[tokio::test]
async fn thousand_spellings_of_a_language_make_three_copies() {
    let shop = Shop::open().await;
    for number in 0..1000 {
        let language = ["de", "fr", "en", "xx"][number % 4];
        let line = format!("Accept-Language: {language}-x{number}, en;q=0.{number}");
        shop.get("/welcome", &[&line]).await;
    }
    assert_eq!(shop.cache.stats().keys(), 3);
}

#[tokio::test]
async fn new_side_of_a_flag_is_not_served_to_the_old_one_nor_the_reverse() {
    let (new, old) = (get("/checkout", &["Cookie: beta=1"]), get("/checkout", &[]));
    assert!(attack(&old, &new).await.contains("\"new\""));
    assert!(attack(&new, &old).await.contains("\"old\""));
    for pretence in [
        "Cookie: xbeta=1",
        "Cookie: BETA=1",
        "Cookie: beta=0; beta=1",
        "Beta: 1",
        "X-Feature: new",
        "Layout: new",
    ] {
        let pretender = get("/checkout", &[pretence]);
        let got = attack(&old, &pretender).await;
        assert!(got.contains("\"old\""), "{pretence}: {got:?}");
        attack(&new, &pretender).await;
    }
}
