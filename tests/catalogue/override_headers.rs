//! Fields that say that a request is another.

use crate::setting::{annotated, outcome, plain, telling};

const FIELDS: [&str; 5] = [
    "x-original-url",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

#[tokio::test]
async fn nothing_is_stored_and_nothing_stored_is_served() {
    for name in FIELDS {
        let origin = || telling(move |seen| seen.headers.contains_key(name).to_string());
        for setup in [plain(origin()), annotated(origin())] {
            let bypass = "larder; fwd=bypass; detail=override-header";
            for _ in 0..2 {
                let evil = setup.get_with("/a", &[(name, "/admin")]).await;
                assert_eq!(outcome(&evil), bypass, "{name}");
                assert_eq!(setup.get("/a").await.text(), "false", "{name}");
            }
        }
    }
}
