//! What is searched where no client waits, and where a stored response is validated.

use axum::body::Body;
use http::{Request, Response};
use larder_tests::{Origin, Seen, Setup, request, response, settle};

use crate::tripwire::{ANN, BOB, User, by, searched, user, with_user};

const WINDOW: (&str, &str) = ("cache-control", "max-age=60, stale-while-revalidate=600");
const STALE: &str = "larder; hit; ttl=-10";

/// Lets the background run.
async fn stale(setup: &Setup, request: Request<Body>) -> String {
    let reply = setup.send(request).await;
    assert_eq!(reply.field("cache-status"), STALE);
    settle().await;
    reply.text().to_owned()
}

#[tokio::test(start_paused = true)]
async fn background_validation_is_searched_for_who_caused_it() {
    for in_field in [false, true] {
        let setup = searched(Origin::new(move |seen: &Seen, calls| -> Response<Body> {
            match user(seen) {
                ANN if in_field => response(200, &[WINDOW, ("x-user", ANN)], "for one"),
                ANN => response(200, &[WINDOW], format!("for {ANN}")),
                _ => response(200, &[WINDOW], format!("call {}", calls + 1)),
            }
        }));
        assert!(setup.get("/a").await.is_stored());
        setup.clock.advance(70);
        assert_eq!(stale(&setup, by(ANN)).await, "call 1");
        assert_eq!(setup.origin.calls(), 2);
        // What was stored before says nothing of her. The next try is due after a while.
        assert_eq!(stale(&setup, by(BOB)).await, "call 1");
        assert_eq!((setup.origin.calls(), setup.cache.stats().stored()), (2, 1));
        setup.clock.advance(5);
        let again = setup.send(by(BOB)).await;
        assert_eq!(again.text(), "call 1");
        settle().await;
        let hit = setup.send(by(ANN)).await;
        assert_eq!((hit.text(), hit.is_hit()), ("call 3", true));
    }
}

/// A response stored by nobody known, which expired, and an origin that confirms it with `field` for
/// known users.
async fn confirmed(field: (&'static str, &'static str)) -> Setup {
    const TAG: (&str, &str) = ("etag", "\"v1\"");
    let setup = searched(Origin::new(move |seen: &Seen, calls| {
        let known = seen.extensions.get::<User>().is_some();
        let fresh = ("cache-control", "max-age=60");
        match calls {
            0 => response(200, &[fresh, TAG, ("x-user", "nobody")], "body"),
            _ if known => response(304, &[fresh, TAG, field], ""),
            _ => response(304, &[fresh, TAG], ""),
        }
    }));
    assert!(setup.get("/a").await.is_stored());
    setup.clock.advance(70);
    setup
}

#[tokio::test]
async fn confirmation_that_names_the_user_is_for_the_user_only() {
    let setup = confirmed(("x-user", "Ann%2b1%40example.com")).await;
    for _ in 0..2 {
        let own = setup.send(by(ANN)).await;
        assert_eq!(
            (own.text(), own.field("x-user")),
            ("body", "Ann%2b1%40example.com")
        );
        assert_eq!(
            own.field("cache-status"),
            "larder; fwd=stale; fwd-status=304; ttl=60"
        );
    }
    assert_eq!(setup.origin.calls(), 3);
    for hit in [false, true] {
        let other = setup.get("/a").await;
        assert_eq!((other.text(), other.field("x-user")), ("body", "nobody"));
        assert_eq!(other.is_hit(), hit);
    }
    assert_eq!(setup.origin.calls(), 4);
}

#[tokio::test]
async fn clean_confirmation_freshens_for_everybody() {
    let setup = confirmed(("x-user", "somebody")).await;
    assert_eq!(setup.send(by(ANN)).await.text(), "body");
    let hit = setup.send(by(BOB)).await;
    assert_eq!((hit.is_hit(), hit.field("x-user")), (true, "somebody"));
}

#[tokio::test]
async fn head_that_names_the_user_does_not_freshen_what_is_stored() {
    let head = |user| with_user(request("HEAD", "/a", &[]), user);
    for (field, freshens) in [(("x-user", ANN), false), (("x-user", "any"), true)] {
        let setup = searched(Origin::new(move |seen: &Seen, calls| {
            let fresh = ("cache-control", "max-age=60");
            match (calls, seen.method == "HEAD") {
                (0, _) => response(200, &[fresh, ("etag", "\"v1\"")], "body"),
                (_, true) => response(200, &[fresh, ("etag", "\"v1\""), field], ""),
                _ => response(200, &[fresh], "again"),
            }
        }));
        assert!(setup.get("/a").await.is_stored());
        setup.clock.advance(70);
        assert_eq!(setup.send(head(ANN)).await.field("x-user"), field.1);
        let next = setup.get("/a").await;
        assert_eq!(next.is_hit(), freshens, "{field:?}");
        assert!(next.has("x-user") == freshens);
    }
}
