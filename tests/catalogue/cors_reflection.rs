//! A response that lets one origin in, served to another.

use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use larder::Key;
use larder_tests::Origin;

use crate::setting::{annotated, cacheable, keyed, plain};

fn reflecting() -> Origin {
    Origin::new(|seen, _| {
        let mut response = cacheable("");
        if let Some(origin) = seen.headers.get("origin") {
            let fields = response.headers_mut();
            fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    })
}

#[tokio::test]
async fn reflected_origin_is_served_to_that_origin_only() {
    let declared = keyed(reflecting(), Key::new().header("origin"));
    for setup in [plain(reflecting()), declared] {
        for origin in ["https://a.example", "https://b.example", "null"] {
            for hit in [false, true] {
                let reply = setup.get_with("/a", &[("origin", origin)]).await;
                assert_eq!(reply.is_hit(), hit, "{origin}");
                assert_eq!(reply.field("access-control-allow-origin"), origin);
            }
        }
        assert!(!setup.get("/a").await.has("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn narrowing_withholds_the_origin_and_nobody_is_let_in() {
    let setup = annotated(reflecting());
    for origin in ["https://a.example", "https://b.example"] {
        let reply = setup.get_with("/a", &[("origin", origin)]).await;
        assert!(!reply.has("access-control-allow-origin"));
    }
    assert_eq!(setup.origin.calls(), 1);
}
