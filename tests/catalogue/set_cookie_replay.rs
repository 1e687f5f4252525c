//! A cookie that was set for one client, sent to another.

use larder::{Key, RoutePolicy};
use larder_tests::{Crowd, Origin, Setup, Slow, get, replies, response};

use crate::setting::{MINUTE, UserId, annotated, by, keyed, plain, routed};

fn setting(directives: &'static str) -> Origin {
    Origin::new(move |_, calls| {
        let cookie = format!("id={calls}");
        response(
            200,
            &[("cache-control", directives), ("set-cookie", &cookie)],
            "",
        )
    })
}

#[tokio::test]
async fn response_that_sets_a_cookie_is_not_stored() {
    for directives in ["max-age=60", "public, s-maxage=60", "max-age=60, immutable"] {
        let setups: [fn(Origin) -> Setup; 3] = [plain, annotated, |origin| {
            keyed(origin, Key::new().forward_all())
        }];
        for setup in setups.map(|on| on(setting(directives))) {
            for expected in ["id=0", "id=1"] {
                let cookie = setup.get("/a").await.field("set-cookie").to_owned();
                assert_eq!(cookie, expected, "{directives}");
            }
            assert_eq!(setup.cache.stats().responses(), 0);
        }
    }
}

#[tokio::test]
async fn nor_in_the_partition_of_a_user() {
    let setup = routed(setting(""), RoutePolicy::per_user::<UserId>(MINUTE));
    assert_eq!(setup.send(by("a")).await.field("set-cookie"), "id=0");
    assert_eq!(setup.send(by("a")).await.field("set-cookie"), "id=1");
}

#[tokio::test(start_paused = true)]
async fn clients_who_wait_together_share_no_cookie() {
    let crowd = Crowd::new(Slow::second(|_, calls| {
        let cookie = format!("id={calls}");
        response(
            200,
            &[("cache-control", "max-age=60"), ("set-cookie", &cookie)],
            "",
        )
    }));
    let replies = replies(crowd.send_all(20, |_| get("/a"))).await;
    let mut cookies: Vec<_> = replies
        .iter()
        .map(|reply| reply.field("set-cookie"))
        .collect();
    cookies.sort_unstable();
    cookies.dedup();
    assert_eq!(cookies.len(), 20);
}

#[tokio::test]
async fn cookie_of_a_validation_is_not_stored_either() {
    let fresh = [("cache-control", "max-age=60"), ("etag", "\"v\"")];
    let again = [fresh[0], fresh[1], ("set-cookie", "id=1")];
    let setup =
        Setup::expired(&[(200, &fresh, "body"), (304, &again, ""), (200, &fresh, "")]).await;
    setup.get("/a").await;
    assert!(!setup.get("/a").await.has("set-cookie"));
}
