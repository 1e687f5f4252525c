//! Poisoning links through `Host`, `X-Forwarded-Host` and their kind.

use crate::wire::{Answer, attack, bare, bytes, get};

const PAGES: [&str; 3] = ["/welcome", "/search?q=a", "/legacy/search?q=a"];

#[tokio::test]
async fn fields_about_the_host_poison_no_links() {
    for field in [
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: evil",
        "X-Forwarded-Port: 1337",
        "X-Forwarded-Prefix: /evil",
        "Forwarded: host=evil.example",
        "X-Host: evil.example",
        "X-Original-Host: evil.example",
        "X-HTTP-Host-Override: evil.example",
    ] {
        for page in PAGES {
            let got = attack(&get(page, &[]), &get(page, &[field])).await;
            let believed = field.starts_with("X-Forwarded-Host");
            let harm = believed && page.starts_with("/legacy");
            assert_eq!(
                got.contains("evil.example"),
                harm,
                "{page}, {field}: {got:?}"
            );
        }
    }
}

#[tokio::test]
async fn connection_cannot_take_the_poison_out_of_the_key() {
    for page in PAGES {
        let lines = [
            "Connection: X-Forwarded-Host",
            "X-Forwarded-Host: evil.example",
        ];
        attack(&get(page, &[]), &get(page, &lines)).await;
    }
}

#[tokio::test]
async fn another_host_or_port_poisons_no_links() {
    for page in PAGES {
        for host in [
            "Host: evil.example",
            "Host: shop.example:1337",
            "Host: shop.example.",
            "Host: shop.example:80@evil.example",
            "Host: shop.example/evil",
            "Host: shop.example evil",
            "Host:",
        ] {
            attack(&get(page, &[]), &bare(&format!("GET {page}"), &[host])).await;
        }
        let honest = |answer: &Answer| answer.contains("http://shop.example:1337");
        let odd_port = bare(&format!("GET {page}"), &["Host: shop.example:1337"]);
        assert!(honest(&attack(&get(page, &[]), &odd_port).await), "{page}");
    }
}

#[tokio::test]
async fn two_hosts_in_one_request_poison_no_links() {
    for page in PAGES {
        let victim = get(page, &[]);
        let absolute = format!("GET http://evil.example{page}");
        attack(&victim, &bare(&absolute, &["Host: shop.example"])).await;
        let absolute = format!("GET http://shop.example{page}");
        attack(&victim, &bare(&absolute, &["Host: evil.example"])).await;
        attack(&victim, &get(page, &["Host: evil.example"])).await;
        let start = format!("GET {page}");
        for second in [
            &b"Host : evil.example"[..],
            b" Host: evil.example",
            b"Host:\tevil.example",
            b"Host\0: evil.example",
        ] {
            attack(&victim, &bytes(&start, &[b"Host: shop.example", second])).await;
            attack(&victim, &bytes(&start, &[second, b"Host: shop.example"])).await;
        }
    }
}
