//! Finding out what others have looked at.

use larder::{Key, RoutePolicy};
use larder_tests::{Crowd, Origin, Slow, replies, response};

use crate::setting::{FRESH, MINUTE, UserId, by, outcome, routed};

#[tokio::test]
async fn page_of_another_user_is_a_miss_like_any_other() {
    let setup = routed(
        Origin::ok(&[FRESH]),
        RoutePolicy::per_user::<UserId>(MINUTE),
    );
    assert!(setup.send(by("alice")).await.is_stored());
    let probe = setup.send(by("mallory")).await;
    assert_eq!(outcome(&probe), "larder; fwd=uri-miss; stored");
    let mut quiet = by("bob");
    let only = "only-if-cached".parse().unwrap();
    quiet.headers_mut().insert("cache-control", only);
    assert_eq!(setup.send(quiet).await.status, 504);
}

#[tokio::test]
async fn cache_status_has_no_key() {
    let key = Key::new().header("x-secret").cookie("secret");
    let route = RoutePolicy::per_user::<UserId>(MINUTE).key(key);
    let setup = routed(Origin::ok(&[FRESH]), route);
    for _ in 0..2 {
        let mut request = by("alice");
        let fields = request.headers_mut();
        fields.insert("x-secret", "hush".parse().unwrap());
        fields.insert("cookie", "secret=hush".parse().unwrap());
        let reply = setup.send(request).await;
        let told = outcome(&reply);
        assert!(!told.contains("key") && !told.contains("hush"), "{told}");
        assert!(!told.contains("alice"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_what_another_partition_fetches() {
    const USERS: [&str; 4] = ["a", "b", "c", "d"];
    let slow = Slow::second(|_, calls| response(200, &[FRESH], calls.to_string()));
    let route = RoutePolicy::per_user::<UserId>(MINUTE);
    let crowd = Crowd::with_layer(slow, |layer| layer.with_route_policy(route));
    let all = crowd.send_all(8, |client| by(USERS[client % 4]));
    let all = replies(all).await;
    assert_eq!(crowd.origin.counts().overlap, 4);
    for (client, reply) in all.iter().enumerate() {
        assert_eq!(reply.text(), all[client % 4].text());
    }
}
