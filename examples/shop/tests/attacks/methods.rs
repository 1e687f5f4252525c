//! Fat GETs, and fields that say that a request is another.

use crate::wire::{Shop, attack, bare, get};

const PAGES: [&str; 2] = ["/search?q=shoes", "/legacy/search?q=shoes"];

fn fat(method: &str, page: &str, framing: &str, content: &str) -> Vec<u8> {
    let mut request = bare(
        &format!("{method} {page}"),
        &["Host: shop.example", framing],
    );
    request.extend_from_slice(content.as_bytes());
    request
}

#[tokio::test]
async fn fat_get_neither_poisons_a_page_nor_is_answered_with_it() {
    for page in PAGES {
        for method in ["GET", "HEAD"] {
            for (framing, content) in [
                ("Content-Length: 6", "q=evil"),
                ("Transfer-Encoding: chunked", "6\r\nq=evil\r\n0\r\n\r\n"),
            ] {
                let attacker = fat(method, page, framing, content);
                let got = attack(&get(page, &[]), &attacker).await;
                let expected = "larder; fwd=bypass; detail=request-content";
                assert_eq!(got.outcome(), expected, "{page}");
                assert_eq!(got.contains("evil at"), method == "GET", "{got:?}");
                let shop = Shop::open().await;
                shop.get(page, &[]).await;
                assert_eq!(shop.raw(&attacker).await.outcome(), expected, "{page}");
            }
        }
    }
}

#[tokio::test]
async fn fat_get_of_ambiguous_length_poisons_nothing() {
    for page in PAGES {
        for framing in [
            "Content-Length: 6\r\nTransfer-Encoding: chunked",
            "Content-Length: 6\r\nContent-Length: 0",
            "Content-Length: +6",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding : chunked",
        ] {
            let attacker = fat("GET", page, framing, "q=evil");
            attack(&get(page, &[]), &attacker).await;
        }
    }
}

#[tokio::test]
async fn method_override_gets_nobody_an_error() {
    for page in PAGES {
        for name in [
            "X-HTTP-Method-Override",
            "X-HTTP-Method",
            "X-Method-Override",
        ] {
            for method in ["POST", "DELETE", "HEAD", "PURGE"] {
                let line = format!("{name}: {method}");
                let got = attack(&get(page, &[]), &get(page, &[&line])).await;
                let believed = name == "X-HTTP-Method-Override";
                assert_eq!(got.status() == "404", believed, "{line}: {got:?}");
                assert!(!got.is_stored(), "{line}: {got:?}");
            }
        }
    }
}

#[tokio::test]
async fn url_override_gets_nobody_another_page() {
    for page in PAGES {
        for name in ["X-Original-URL", "X-Rewrite-URL"] {
            let line = format!("{name}: /search?q=evil");
            let got = attack(&get(page, &[]), &get(page, &[&line])).await;
            let believed = name == "X-Original-URL";
            assert_eq!(got.contains("evil at"), believed, "{line}: {got:?}");
        }
    }
}

#[tokio::test]
async fn anonymous_purge_drops_nothing() {
    let shop = Shop::open().await;
    shop.get("/products/42", &[]).await;
    for method in ["PURGE", "BAN", "REFRESH"] {
        let lines = ["Host: shop.example", "X-Purge: all"];
        let got = shop
            .raw(&bare(&format!("{method} /products/42"), &lines))
            .await;
        assert_eq!(got.status(), "405", "{method}");
        assert!(shop.get("/products/42", &[]).await.is_hit(), "{method}");
    }
}
