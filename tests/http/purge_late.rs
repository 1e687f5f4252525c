//! What comes late to a purge, and must not undo it.

use larder::{Purge, RoutePolicy};
use larder_tests::{get, request, response, settle};
use tokio::time::sleep;

use crate::purge_stage::{Kind, Point, Stage, Way};
use crate::scene::{Scene, secs};
use crate::verify::scene::Checked;

const MINUTE: (&str, &str) = ("cache-control", "max-age=60");
const WINDOW: (&str, &str) = ("cache-control", "max-age=60, stale-while-revalidate=600");
const TAG: (&str, &str) = ("etag", "\"a\"");

/// It took the place of the newer one, since its `Date` was no earlier.
#[tokio::test(start_paused = true)]
async fn softly_purged_fill_that_ends_late_does_not_displace_what_was_stored_after_the_purge() {
    let stage = Stage::new(&[WINDOW], |layer| layer);
    stage.stop(Point::Last, Way::Held, || {});
    let slow = stage.ask("GET");
    stage.reach(Way::Held).await;
    stage.change(Kind::Tag, true);
    assert_eq!(stage.get().await.text(), "version 1.");
    stage.release();
    assert_eq!(slow.await.unwrap().text(), "version 0.");
    settle().await;
    let hit = stage.get().await;
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=60");
    assert_eq!((hit.text(), stage.state().calls), ("version 1.", 2));
}

/// Each boarded the flight again and again, and then went alone.
#[tokio::test(start_paused = true)]
async fn who_comes_after_a_purge_of_what_only_the_response_names_shares_a_call() {
    for point in [Point::First, Point::Middle, Point::Last, Point::End] {
        let stage = Stage::new(&[MINUTE], |layer| layer);
        stage.stop(point, Way::Held, || {});
        let slow = stage.ask("GET");
        stage.reach(Way::Held).await;
        stage.change(Kind::Group, false);
        stage.stop(Point::Head, Way::Held, || {});
        let after: Vec<_> = (0..10).map(|_| stage.ask("GET")).collect();
        stage.reach(Way::Held).await;
        assert_eq!(stage.state().calls, 2, "{point:?}");
        stage.release();
        stage.release();
        assert_eq!(slow.await.unwrap().text(), "version 0.");
        for reply in after {
            assert_eq!(reply.await.unwrap().text(), "version 1.");
        }
        assert_eq!(stage.get().await.text(), "version 1.");
    }
}

/// They waited before it was known what names the response has.
#[tokio::test(start_paused = true)]
async fn who_comes_after_a_purge_of_what_only_the_response_names_does_not_get_its_body() {
    let stage = Stage::new(&[MINUTE], |layer| layer);
    stage.stop(Point::Head, Way::Held, || {});
    let slow = stage.ask("GET");
    stage.reach(Way::Held).await;
    stage.change(Kind::Group, false);
    let after: Vec<_> = (0..3).map(|_| stage.ask("GET")).collect();
    settle().await;
    assert_eq!(stage.state().calls, 1);
    stage.stop_call(0, Point::Middle, Way::Held, || {});
    stage.release();
    stage.reach(Way::Held).await;
    for reply in after {
        assert_eq!(reply.await.unwrap().text(), "version 1.");
    }
    stage.release();
    assert_eq!(slow.await.unwrap().text(), "version 0.");
    assert_eq!(stage.get().await.text(), "version 1.");
}

/// It was told as stale within its lifetime, and its inputs came under suspicion.
#[tokio::test]
async fn check_of_a_hit_says_nothing_of_what_was_purged_meanwhile() {
    for soft in [false, true] {
        let checked = Checked::obeying(|_, call| format!("call {call}"));
        checked.get("/a", &[]).await;
        // The check is still to begin.
        assert!(checked.ask(get("/a")).await.is_hit());
        assert_eq!(checked.calls(), 1);
        let purge = Purge::url("/a").unwrap();
        checked.cache.purge(if soft { purge.soft() } else { purge });
        settle().await;
        assert_eq!((checked.calls(), checked.verdicts()), (2, [0, 0, 0, 1]));
    }
}

/// It said nothing of the content, and made it fresh all the same.
#[tokio::test(start_paused = true)]
async fn head_without_a_validator_does_not_freshen_what_was_purged_softly() {
    for (fields, hit) in [(vec![MINUTE], false), (vec![MINUTE, TAG], true)] {
        let handler = move |call| {
            let body = if call == 1 {
                String::new()
            } else {
                format!("call {call}")
            };
            let answer = response(200, &fields, body);
            async move { Ok(answer) }
        };
        let route = RoutePolicy::obey().tag("t");
        let scene = Scene::with_layer(handler, |layer| layer.with_route_policy(route));
        scene.get().await;
        scene.cache.purge(Purge::tag("t").soft());
        let head = scene.send(request("HEAD", "/a", &[])).await.unwrap();
        assert!(head.field("cache-status").contains("fwd=stale"));
        let reply = scene.get().await;
        assert_eq!((reply.is_hit(), reply.text() == "call 0"), (hit, hit));
    }
}

/// The tags were then those of the request that had it validated.
#[tokio::test(start_paused = true)]
async fn response_that_a_304_confirms_keeps_the_tags_of_its_own_request() {
    for (control, fields) in [(WINDOW, vec![("x-tag", "t")]), (MINUTE, vec![])] {
        let handler = move |call| async move {
            let body = format!("call {call}");
            Ok(match call {
                1 => response(304, &[control, TAG], ""),
                _ => response(200, &[control, TAG], body),
            })
        };
        let route = RoutePolicy::obey().tag_with(|request| {
            let tag = request.headers().get("x-tag");
            tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned)
        });
        let scene = Scene::with_layer(handler, |layer| layer.with_route_policy(route));
        scene.get_with(&[("x-tag", "t")]).await;
        sleep(secs(61)).await;
        assert_eq!(scene.get_with(&fields).await.text(), "call 0");
        settle().await;
        assert!(scene.get().await.is_hit());
        assert_eq!(scene.calls(), 2);
        scene.cache.purge(Purge::tag("t"));
        assert_eq!(scene.send(get("/a")).await.unwrap().text(), "call 2");
    }
}
