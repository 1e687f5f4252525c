//! A personal page under the name of a static one.

use larder_tests::Origin;

use crate::setting::{annotated, outcome, plain, telling, value};

const DISGUISES: [&str; 8] = [
    "/account/a.css",
    "/me;x.css",
    "/me/..%2fstatic",
    "/static/..%2fme",
    "/me%00.js",
    "/me%0a.png",
    "/me%23.svg",
    "/favicon.ico",
];

#[tokio::test]
async fn no_name_makes_a_page_static() {
    for path in DISGUISES {
        for says in [
            &[][..],
            &[("etag", "\"v\"")],
            &[("cache-control", "max-age=60")],
        ] {
            let setup = plain(Origin::ok(says));
            let victim = setup.get_with(path, &[("cookie", "id=victim")]).await;
            assert!(!victim.is_stored(), "{path}: {}", outcome(&victim));
            assert_eq!(setup.get(path).await.text(), "call 2", "{path}");
        }
    }
}

#[tokio::test]
async fn paths_are_told_apart_byte_for_byte() {
    let origin = || telling(|seen| seen.uri.to_string());
    for setup in [plain(origin()), annotated(origin())] {
        for path in [
            "/me",
            "/m%65",
            "/me/",
            "//me",
            "/me;x.css",
            "/ME",
            "/x/../me",
        ] {
            let reply = setup.get(path).await;
            assert_eq!((reply.is_stored(), reply.text()), (true, path));
        }
    }
}

/// The handler cannot know the victim, so what is stored is nobody's.
#[tokio::test]
async fn narrowing_withholds_whose_page_it_is() {
    let setup = annotated(telling(|seen| value(seen, "cookie").to_owned()));
    for path in DISGUISES {
        let victim = setup.get_with(path, &[("cookie", "id=victim")]).await;
        assert_eq!(
            (victim.is_stored(), victim.text()),
            (true, "none"),
            "{path}"
        );
    }
}
