//! What was made for one user's credentials, served to another.

use larder::{Key, RoutePolicy};
use larder_tests::{Crowd, Origin, Slow, replies, request, response};

use crate::setting::{MINUTE, keyed, plain, telling, value};

const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];

#[tokio::test]
async fn response_to_credentials_is_not_stored_without_the_handlers_word() {
    for name in CREDENTIALS {
        let origin = || {
            Origin::new(move |seen, _| {
                response(
                    200,
                    &[("cache-control", "max-age=60")],
                    value(seen, name).to_owned(),
                )
            })
        };
        let setup = plain(origin());
        for user in ["alice", "bob", "alice"] {
            assert_eq!(setup.get_with("/a", &[(name, user)]).await.text(), user);
        }
        assert_eq!(setup.get("/a").await.text(), "none", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_users_of_a_private_page_each_get_their_own() {
    for name in CREDENTIALS {
        let slow = Slow::second(move |seen, _| {
            let private = [("cache-control", "private, max-age=60")];
            response(200, &private, value(seen, name).to_owned())
        });
        let crowd = Crowd::new(slow);
        let all = crowd.send_all(100, |user| {
            request("GET", "/a", &[(name, &user.to_string())])
        });
        for (user, reply) in replies(all).await.iter().enumerate() {
            assert_eq!(reply.text(), user.to_string());
        }
        assert_eq!(crowd.origin.calls(), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn narrowing_withholds_credentials_and_one_call_is_for_all() {
    for name in CREDENTIALS {
        let slow = Slow::second(move |seen, _| response(200, &[], value(seen, name).to_owned()));
        let route = RoutePolicy::shared(MINUTE);
        let crowd = Crowd::with_layer(slow, |layer| layer.with_route_policy(route));
        let all = crowd.send_all(100, |user| {
            request("GET", "/a", &[(name, &user.to_string())])
        });
        assert!(
            replies(all)
                .await
                .iter()
                .all(|reply| reply.text() == "none")
        );
        assert_eq!(crowd.origin.calls(), 1);
    }
}

#[tokio::test]
async fn declared_cookie_is_no_credential_and_tells_apart() {
    let setup = keyed(
        telling(|seen| value(seen, "cookie").to_owned()),
        Key::new().cookie("theme"),
    );
    let dark = [("cookie", "session=secret; theme=dark")];
    assert_eq!(setup.get_with("/a", &dark).await.text(), "theme=dark");
    assert_eq!(setup.get("/a").await.text(), "none");
    assert!(
        setup
            .get_with("/a", &[("cookie", "theme=dark")])
            .await
            .is_hit()
    );
}
