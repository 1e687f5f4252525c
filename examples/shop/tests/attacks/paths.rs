//! Path confusion and cache deception: a personal page under the name of a static one, and other
//! spellings of a path.

use crate::wire::{Shop, attack, get};

/// Spellings of personal pages that look like something to keep.
const DISGUISES: [&str; 20] = [
    "/me;x.css",
    "/me/x.css",
    "/me/..%2fstatic",
    "/me/..%2fstatic%2fapp.js",
    "/me%0a.css",
    "/me%00.js",
    "/me%23.png",
    "/me%3f.png",
    "/me/?x.css",
    "/me/.css",
    "/static/..%2fme",
    "/static/../me",
    "//me",
    "/me/robots.txt",
    "/account",
    "/account/a.css",
    "/account/..%2fstatic",
    "/account/%0a.css",
    "/account/%00.js",
    "/account/favicon.ico",
];

#[tokio::test]
async fn personal_page_under_a_static_name_is_not_served_to_others() {
    let shop = Shop::open().await;
    let (alice, mallory) = (shop.login("alice").await, shop.login("mallory").await);
    let mut baited = 0;
    for path in DISGUISES {
        for _ in 0..2 {
            baited += usize::from(shop.get(path, &[&alice]).await.contains("alice@"));
        }
        for attacker in [&[][..], &[&*mallory], &["Cache-Control: only-if-cached"]] {
            let got = shop.get(path, attacker).await;
            assert!(!got.contains("alice"), "{path}: {got:?}");
        }
    }
    assert!(baited >= 20, "alice's page came {baited} times");
}

#[tokio::test]
async fn personal_page_without_an_annotation_is_not_kept_under_any_name() {
    for path in DISGUISES.iter().filter(|path| path.starts_with("/account")) {
        let shop = Shop::open().await;
        let alice = shop.login("alice").await;
        assert!(shop.get(path, &[&alice]).await.contains("alice@"));
        assert_eq!(shop.cache.stats().stored(), 0, "{path}");
    }
}

#[tokio::test]
async fn other_spelling_of_a_path_poisons_nothing() {
    for (path, spellings) in [
        (
            "/products/42",
            &[
                "/products/%34%32",
                "/products/4%32",
                "/products/42/",
                "/products/42;x",
                "/products/42%20",
                "/products//42",
                "//products/42",
                "/products/042",
                "/Products/42",
                "/products/%2e%2e/products/42",
                "/products/7%2f..%2f42",
            ][..],
        ),
        (
            "/blog/posts",
            &[
                "/blog/%70osts",
                "/blog/posts/",
                "/blog//posts",
                "/blog/posts%3f",
                "/blog/POSTS",
                "/blog/./posts",
                "/%62log/posts",
            ],
        ),
        (
            "/legacy/search?q=a",
            &[
                "/legacy/search%3fq=a",
                "/legacy/search?%71=a",
                "/legacy/search/?q=a",
                "/legacy/%73earch?q=a",
                "/legacy/search?q=a%00",
            ],
        ),
    ] {
        for spelling in spellings {
            attack(&get(path, &[]), &get(spelling, &[])).await;
        }
    }
}

/// The handler knows one spelling, and what it says of the others may be kept.
#[tokio::test]
async fn page_that_is_not_found_under_one_spelling_is_found_under_the_other() {
    for page in ["/help/prices", "/legacy/help/prices"] {
        for (plain, coded) in [
            ("prices", "%70rices"),
            ("prices", "prices/"),
            ("prices", "Prices"),
        ] {
            let spelling = page.replace(plain, coded);
            let got = attack(&get(page, &[]), &get(&spelling, &[])).await;
            assert_eq!((got.status(), got.is_stored()), ("404", true), "{spelling}");
        }
    }
}
