//! Ranges that make the application send much, or the cache copy much.

use larder_tests::{Origin, Seen};

use crate::setting::{FRESH, annotated, cacheable, plain};

/// A gibibyte of which the handler sends what is asked for.
fn huge() -> Origin {
    Origin::new(|seen: &Seen, _| {
        let mut response = cacheable(if seen.headers.contains_key("range") {
            "x"
        } else {
            "all of it"
        });
        if seen.headers.contains_key("range") {
            *response.status_mut() = http::StatusCode::PARTIAL_CONTENT;
            let fields = response.headers_mut();
            fields.insert("content-range", "bytes 0-0/1073741824".parse().unwrap());
        }
        response
    })
}

#[tokio::test]
async fn range_is_forwarded_as_it_is_and_its_part_not_stored() {
    for setup in [plain(huge()), annotated(huge())] {
        let reply = setup.get_with("/a", &[("range", "bytes=0-0")]).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (206, "x"));
        assert_eq!(setup.origin.calls(), 1);
        assert_eq!(setup.origin.last_seen().headers["range"], "bytes=0-0");
        assert_eq!(setup.cache.stats().responses(), 0);
    }
}

#[tokio::test]
async fn thousand_ranges_get_one_whole_response() {
    let ranges: Vec<String> = (0..1000).map(|from| format!("{from}-")).collect();
    let ranges = format!("bytes={}", ranges.join(","));
    for setup in [plain(Origin::ok(&[FRESH])), annotated(Origin::ok(&[FRESH]))] {
        setup.get("/a").await;
        let reply = setup.get_with("/a", &[("range", &ranges)]).await;
        assert!(reply.is_hit());
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "call 1"));
    }
}
