//! Many requests at once for what is not stored.

use larder::RoutePolicy;
use larder_tests::{Crowd, Slow, get, replies, response, settle};

use crate::setting::{FRESH, MINUTE};

fn crowds(slow: impl Fn() -> Slow) -> [Crowd; 2] {
    [RoutePolicy::obey(), RoutePolicy::shared(MINUTE)]
        .map(|route| Crowd::with_layer(slow(), |layer| layer.with_route_policy(route)))
}

#[tokio::test(start_paused = true)]
async fn thousand_misses_are_one_call() {
    for crowd in crowds(|| Slow::second(|_, _| response(200, &[FRESH], "body"))) {
        let all = replies(crowd.send_all(1_000, |_| get("/a"))).await;
        assert!(all.iter().all(|reply| reply.text() == "body"));
        assert_eq!(crowd.origin.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn leader_that_leaves_leaves_nobody_waiting() {
    for crowd in crowds(|| Slow::second(|_, _| response(200, &[FRESH], "body"))) {
        let leader = crowd.get("/a");
        settle().await;
        let all = crowd.send_all(1_000, |_| get("/a"));
        settle().await;
        leader.leave();
        assert!(
            replies(all)
                .await
                .iter()
                .all(|reply| reply.text() == "body")
        );
        assert!(crowd.origin.calls() <= 2, "{} calls", crowd.origin.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn requests_for_what_may_not_be_kept_do_not_queue() {
    let no_store = || Slow::second(|_, _| response(200, &[("cache-control", "no-store")], ""));
    for crowd in crowds(no_store) {
        crowd.get("/a").reply().await;
        let all = crowd.send_all(1_000, |_| get("/a"));
        settle().await;
        assert_eq!(crowd.origin.counts().inside, 1_000);
        replies(all).await;
    }
}
