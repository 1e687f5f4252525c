//! Getting a cookie that was set for somebody else.

use futures_util::future::join_all;

use crate::wire::{Shop, bare, get, login};

#[tokio::test]
async fn cookie_of_a_login_is_not_replayed() {
    let shop = Shop::open().await;
    let mut tokens = Vec::new();
    for lines in [
        &[][..],
        &["X-HTTP-Method-Override: GET"],
        &["Cache-Control: max-stale"],
    ] {
        let answer = shop.raw(&login("alice", lines)).await;
        tokens.push(answer.field("set-cookie").unwrap().to_owned());
        for probe in [
            get("/login", &[]),
            get("/login", &["X-HTTP-Method-Override: POST"]),
            get("/login", &["Cache-Control: only-if-cached"]),
            bare("HEAD /login", &["Host: shop.example"]),
            login("mallory", &["X-HTTP-Method-Override: GET"]),
        ] {
            let got = shop.raw(&probe).await;
            assert!(!tokens.iter().any(|token| got.contains(token)), "{got:?}");
        }
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

#[tokio::test]
async fn cookie_on_a_shared_page_goes_to_one_visitor_only() {
    let shop = Shop::open().await;
    let crowd = (0..20).map(|_| shop.get("/broken/visit", &[]));
    let mut answers = join_all(crowd).await;
    answers.push(shop.get("/broken/visit", &[]).await);
    let mut cookies: Vec<_> = answers
        .iter()
        .map(|answer| answer.field("set-cookie").expect("a cookie"))
        .collect();
    cookies.sort_unstable();
    cookies.dedup();
    assert_eq!(cookies.len(), 21);
}
