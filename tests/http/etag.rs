//! The entity tag that is made of the body of a response that came without one.

use larder::Policy;
use larder_tests::{Origin, Setup, request};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

async fn hit_tag(setup: &Setup, path: &str) -> String {
    setup.get(path).await;
    setup.get(path).await.field("etag").to_owned()
}

#[tokio::test]
async fn hit_has_a_tag_of_its_own_and_the_miss_does_not() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    assert!(!setup.get("/a").await.has("etag"));
    let tag = setup.get("/a").await.field("etag").to_owned();
    // A strong tag: the quoted start of SHA-256 of "call 1".
    assert_eq!(tag.len(), 24);
    assert!(tag.starts_with('"') && tag.ends_with('"'));
    assert_eq!(setup.get("/a").await.field("etag"), tag);
    let head = setup.send(request("HEAD", "/a", &[])).await;
    assert_eq!(head.field("etag"), tag);
}

#[tokio::test]
async fn client_that_has_the_tag_gets_304() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    let tag = hit_tag(&setup, "/a").await;
    let reply = setup.get_with("/a", &[("if-none-match", &tag)]).await;
    assert_eq!(reply.status, 304);
    assert_eq!(reply.field("etag"), tag);
    assert!(reply.body.is_empty());
    let other = setup
        .get_with("/a", &[("if-none-match", "\"other\"")])
        .await;
    assert_eq!(other.status, 200);
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn range_holds_by_the_tag() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    let tag = hit_tag(&setup, "/a").await;
    for (condition, status) in [(&*tag, 206), ("\"other\"", 200)] {
        let fields = [("range", "bytes=0-1"), ("if-range", condition)];
        assert_eq!(setup.get_with("/a", &fields).await.status, status);
    }
}

#[tokio::test]
async fn same_body_has_the_same_tag() {
    let fresh = [FRESH];
    let setup = Setup::shared(Origin::script(&[
        (200, &fresh, "one"),
        (200, &fresh, "one"),
        (200, &fresh, "two"),
        (200, &fresh, "one"),
        (200, &fresh, ""),
    ]));
    let tag = hit_tag(&setup, "/a").await;
    assert_eq!(hit_tag(&setup, "/b").await, tag);
    let other = hit_tag(&setup, "/c").await;
    assert_ne!(other, tag);
    setup.clock.advance(61);
    assert_eq!(hit_tag(&setup, "/a").await, tag);
    let empty = hit_tag(&setup, "/empty").await;
    assert!(empty != tag && empty != other && empty.len() == 24);
}

#[tokio::test]
async fn tag_is_never_sent_to_the_inner_service() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    let tag = hit_tag(&setup, "/a").await;
    setup.clock.advance(61);
    let reply = setup.get_with("/a", &[("if-none-match", &tag)]).await;
    let forwarded = setup.origin.last_seen().headers;
    assert!(!forwarded.contains_key("if-none-match"));
    assert!(!forwarded.contains_key("if-modified-since"));
    assert_eq!((reply.status.as_u16(), reply.text()), (200, "call 2"));
}

#[tokio::test]
async fn tag_stays_when_a_304_freshens_the_response() {
    let clock = larder_tests::TestClock::default();
    let modified = clock.date(-3600);
    let fields = [FRESH, ("last-modified", &*modified)];
    let setup = Setup::shared(Origin::script(&[
        (200, &fields, "body"),
        (304, &fields, ""),
    ]));
    let tag = hit_tag(&setup, "/a").await;
    setup.clock.advance(61);
    let validated = setup.get_with("/a", &[("if-none-match", &tag)]).await;
    assert_eq!(validated.status, 304);
    let forwarded = setup.origin.last_seen().headers;
    assert!(!forwarded.contains_key("if-none-match"));
    assert_eq!(forwarded["if-modified-since"], modified);
    assert_eq!(setup.get("/a").await.field("etag"), tag);
}

#[tokio::test]
async fn tag_of_the_response_stands() {
    for own in ["\"own\"", "W/\"own\"", "malformed"] {
        let setup = Setup::shared(Origin::ok(&[FRESH, ("etag", own)]));
        assert_eq!(setup.get("/a").await.field("etag"), own);
        assert_eq!(setup.get("/a").await.field("etag"), own);
    }
    let setup = Setup::shared(Origin::ok(&[FRESH, ("etag", "\"a\""), ("etag", "\"b\"")]));
    setup.get("/a").await;
    let hit = setup.get("/a").await;
    let lines: Vec<_> = hit.headers.get_all("etag").iter().collect();
    assert_eq!(lines, ["\"a\"", "\"b\""]);
}

#[tokio::test]
async fn no_tag_is_made_for_other_statuses() {
    for status in [203, 204, 301, 404] {
        let setup = Setup::shared(Origin::with(status, &[FRESH]));
        setup.get("/a").await;
        let hit = setup.get("/a").await;
        assert!(hit.is_hit() && !hit.has("etag"), "{status}");
    }
}

#[tokio::test]
async fn no_tag_is_made_of_a_head_response() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    setup.send(request("HEAD", "/a", &[])).await;
    let hit = setup.send(request("HEAD", "/a", &[])).await;
    assert!(hit.is_hit() && !hit.has("etag"));
}

#[tokio::test]
async fn tags_can_be_switched_off() {
    let off = Policy::shared().with_generated_etag(false);
    for policy in [off, Policy::conformance()] {
        let setup = Setup::with_policy(Origin::ok(&[FRESH]), policy);
        setup.get("/a").await;
        let hit = setup.get("/a").await;
        assert!(hit.is_hit() && !hit.has("etag"));
        let own = Policy::private().generates_etag();
        assert!(own);
    }
}
