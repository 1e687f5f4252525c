//! Cache-poisoned denial of service: an error that one request provokes is to be served to all.

use crate::wire::{attack, bytes, get};

const PAGES: [&str; 3] = ["/search?q=a", "/legacy/search?q=a", "/welcome"];

#[tokio::test]
async fn oversized_header_gets_nobody_an_error() {
    for page in PAGES {
        // Not declared, so that the handler does not see it; or else too much for it.
        let status = if page.starts_with("/legacy") {
            "400"
        } else {
            "200"
        };
        for length in [2049, 100_000] {
            let line = format!("X-Oversized: {}", "x".repeat(length));
            let got = attack(&get(page, &[]), &get(page, &[&line])).await;
            assert_eq!(got.status(), status, "{page}");
        }
        // Too much for the server, which may close before all is sent.
        let line = format!("X-Oversized: {}", "x".repeat(1_000_000));
        let got = attack(&get(page, &[]), &get(page, &[&line])).await;
        assert_ne!(got.status(), "200", "{page}");
    }
}

#[tokio::test]
async fn oversized_header_that_passes_gets_nobody_an_error() {
    let line = format!("Traceparent: {}", "x".repeat(3000));
    let got = attack(&get("/search?q=a", &[]), &get("/search?q=a", &[&line])).await;
    assert_eq!((got.status(), got.is_stored()), ("400", false), "{got:?}");
}

#[tokio::test]
async fn control_characters_get_nobody_an_error() {
    for page in PAGES {
        for byte in [0, 1, 7, b'\n', b'\r', 0x1b, 0x7f, 0x80, 0xff] {
            let line = [b"X-Meta: a".as_slice(), &[byte], b"b"].concat();
            let request = bytes(&format!("GET {page}"), &[b"Host: shop.example", &line]);
            let got = attack(&get(page, &[]), &request).await;
            let text = byte < 0x80;
            let fails = text || page.starts_with("/legacy");
            assert_eq!(got.status() != "200", fails, "{page}, {byte}: {got:?}");
        }
        let name = bytes(
            &format!("GET {page}"),
            &[b"Host: shop.example", b"X\x07: a"],
        );
        assert_ne!(attack(&get(page, &[]), &name).await.status(), "200");
    }
}

#[tokio::test]
async fn thousands_of_fields_get_nobody_an_error() {
    let lines: Vec<String> = (0..2000).map(|number| format!("X-{number}: 1")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for page in PAGES {
        let got = attack(&get(page, &[]), &get(page, &lines)).await;
        assert_ne!(got.status(), "200", "{page}");
    }
}
