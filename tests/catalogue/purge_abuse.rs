//! Purging by who may not.

use larder::Key;
use larder_tests::{Origin, request, response};

use crate::setting::{FRESH, annotated, keyed, outcome, plain};

/// Knows GET only.
fn getting() -> Origin {
    Origin::new(|seen, calls| {
        let status = if seen.method == "GET" { 200 } else { 405 };
        response(status, &[FRESH], format!("call {}", calls + 1))
    })
}

#[tokio::test]
async fn anonymous_purge_reaches_the_handler_and_changes_nothing() {
    let seeing_all = keyed(getting(), Key::new().forward_all());
    for setup in [plain(getting()), annotated(getting()), seeing_all] {
        setup.get("/a").await;
        for method in ["PURGE", "BAN", "REFRESH", "DELETE"] {
            let fields = [
                ("x-purge", "all"),
                ("surrogate-key", "a"),
                ("cache-control", "no-cache"),
            ];
            let reply = setup.send(request(method, "/a", &fields)).await;
            assert_eq!(reply.status, 405);
            assert_eq!(outcome(&reply), "larder; fwd=method");
            assert_eq!(setup.origin.last_seen().method, method);
            assert_eq!(setup.get("/a").await.text(), "call 1", "{method}");
        }
    }
}
