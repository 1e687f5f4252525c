//! Tag fields that clients get, and those that they do not.

use axum::body::Body;
use http::{HeaderName, Response};
use larder::{CacheLayer, Policy, TagFields, TagSeparator};
use larder_tests::{Crowd, Origin, Setup, Slow, fed_first, get, request, response};

use crate::collapse::FRESH;
use crate::tag_fields::{ETAG, with_fields};
use crate::tags::{Purged, hinted};

const ALL: [(&str, &str); 4] = [
    ("cache-tag", "a,b"),
    ("surrogate-key", "c d"),
    ("xkey", "e"),
    ("x-tags", "f"),
];

fn everything(status: u16, body: impl Into<Body>) -> Response<Body> {
    response(status, &[&[FRESH, ETAG], &ALL[..]].concat(), body)
}

fn own() -> TagFields {
    let name = HeaderName::from_static("x-tags");
    TagFields::new().and(name, TagSeparator::Comma)
}

fn origin() -> Origin {
    Origin::new(|seen, _| match seen.headers.get("if-none-match") {
        Some(_) => everything(304, ""),
        None if seen.method == "POST" => everything(201, "made"),
        None => everything(200, if seen.method == "HEAD" { "" } else { "body" }),
    })
}

#[tokio::test]
async fn stripped_fields_reach_no_client_on_any_way() {
    let setup = with_fields(origin(), own().stripped());
    let revalidates = [("if-none-match", "\"v\"")];
    let asked = |method, fields| request(method, "/a", fields);
    let mut replies = vec![
        ("miss", setup.get("/a").await),
        ("hit", setup.get("/a").await),
        ("304 of a hit", setup.get_with("/a", &revalidates).await),
        (
            "part of a hit",
            setup.get_with("/a", &[("range", "bytes=0-1")]).await,
        ),
        ("HEAD of a hit", setup.send(asked("HEAD", &[])).await),
    ];
    setup.clock.advance(61);
    replies.extend([
        ("validated", setup.get("/a").await),
        ("hit on what was validated", setup.get("/a").await),
        (
            "304 that was forwarded",
            setup.get_with("/b", &revalidates).await,
        ),
        ("HEAD", setup.send(request("HEAD", "/c", &[])).await),
        ("POST", setup.send(asked("POST", &[])).await),
        (
            "bypass",
            setup.get_with("/d", &[("if-match", "\"v\"")]).await,
        ),
        (
            "no-store",
            setup.get_with("/e", &[("cache-control", "no-store")]).await,
        ),
    ]);
    for (way, reply) in &replies {
        for (name, _) in ALL {
            assert!(!reply.has(name), "{name} of {way}");
        }
        assert!(reply.has("etag"), "{way}");
    }
    setup.get("/a").await;
    for tag in ["a", "b", "c", "d", "e", "f"] {
        assert!(setup.have(tag) > 0, "{tag}");
    }
}

#[tokio::test]
async fn fields_are_relayed_and_stored_unless_they_are_stripped() {
    let setup = with_fields(origin(), own());
    for reply in [setup.get("/a").await, setup.get("/a").await] {
        for (name, value) in ALL {
            assert_eq!(reply.field(name), value);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stripped_fields_do_not_reach_who_follows_a_stream() {
    let (answer, feeder) = fed_first(&[FRESH, ALL[0], ALL[1], ALL[2]]);
    let layer = |layer: CacheLayer| layer.with_tag_fields(TagFields::new().stripped());
    let crowd = Crowd::with_layer(Slow::second(answer), layer);
    let clients = [crowd.open(get("/a")), crowd.open(get("/a"))];
    let mut outcomes = Vec::new();
    for client in clients {
        let head = client.await.unwrap().unwrap();
        for (name, _) in ALL {
            assert!(!head.headers().contains_key(name), "{name}");
        }
        outcomes.push(head.headers()["cache-status"].clone());
    }
    assert_eq!(outcomes[1], "larder; fwd=uri-miss; collapsed");
    feeder.end();
}

#[tokio::test]
async fn rules_that_replace_others_replace_their_fields() {
    let layer = |cache| {
        let stripped = TagFields::new().stripped();
        CacheLayer::new(cache)
            .with_tag_fields(stripped)
            .with_policy(Policy::shared())
    };
    let setup = Setup::with_layer(origin(), layer);
    assert!(setup.get("/a").await.has("cache-tag"));
}

#[tokio::test]
async fn what_a_hint_and_a_field_both_say_is_one_tag() {
    let setup = Setup::shared(Origin::new(|_, _| {
        hinted(response(200, &[FRESH, ("cache-tag", "a")], ""), &["a"])
    }));
    setup.get("/a").await;
    assert_eq!(setup.have("a"), 1);
    setup.purge("a");
    assert!(setup.stored("/a").await.is_none());
}
