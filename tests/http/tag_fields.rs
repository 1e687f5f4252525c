//! Fields with tags: which are read, what a 304 does to them, and who sees them.

use http::{HeaderName, HeaderValue};
use larder::{CacheLayer, Key, RoutePolicy, TagFields, TagSeparator};
use larder_tests::{Origin, Scripted, Setup, request, response};

use crate::collapse::FRESH;
use crate::tags::{MINUTE, Purged};

pub(crate) const ETAG: (&str, &str) = ("etag", "\"v\"");

pub(crate) fn with_fields(origin: Origin, fields: TagFields) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_tag_fields(fields)
    })
}

/// What is stored after these exchanges, each of them once the response before has expired.
async fn exchanged(fields: TagFields, script: &[Scripted<'_>]) -> Setup {
    let setup = with_fields(Origin::script(script), fields);
    for _ in script {
        setup.clock.advance(61);
        setup.get("/a").await;
    }
    assert_eq!(setup.origin.calls(), script.len());
    setup
}

#[tokio::test]
async fn fields_are_read_that_the_layer_or_the_route_names() {
    let own = || HeaderName::from_static("edge-cache-tag");
    let sent = [FRESH, ("edge-cache-tag", "a b, c"), ("cache-tag", "d")];
    for (fields, has) in [
        (TagFields::new(), vec!["d"]),
        (TagFields::none(), vec![]),
        (
            TagFields::new().and(own(), TagSeparator::Comma),
            vec!["a b", "c", "d"],
        ),
        (
            TagFields::none().and(own(), TagSeparator::Space),
            vec!["a", "b,", "c"],
        ),
    ] {
        let by_layer = with_fields(Origin::ok(&sent), fields.clone());
        let route = RoutePolicy::obey().tag_fields(fields.clone());
        let by_route = Setup::with_layer(Origin::ok(&sent), |cache| {
            CacheLayer::new(cache).with_route_policy(route)
        });
        let kept = Setup::with_layer(Origin::ok(&sent), |cache| {
            let route = RoutePolicy::obey();
            CacheLayer::new(cache)
                .with_tag_fields(fields)
                .with_route_policy(route)
        });
        for setup in [by_layer, by_route, kept] {
            setup.get("/a").await;
            for tag in ["a b", "c", "d", "a", "b,", "b"] {
                let expected = u64::from(has.contains(&tag));
                assert_eq!(setup.have(tag), expected, "{tag} of {has:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_304_replaces_the_tags_of_the_fields_it_has_and_of_no_others() {
    let first = [
        FRESH,
        ETAG,
        ("cache-tag", "c1"),
        ("surrogate-key", "s1 s2"),
        ("xkey", "x1"),
    ];
    for stripped in [false, true] {
        let fields = || {
            if stripped {
                TagFields::new().stripped()
            } else {
                TagFields::new()
            }
        };
        for (says, has, lost) in [
            (&[ETAG][..], &["c1", "s1", "s2", "x1"][..], &[][..]),
            (
                &[ETAG, ("cache-tag", "c2")],
                &["c2", "s1", "s2", "x1"],
                &["c1"],
            ),
            (
                &[ETAG, ("xkey", ""), ("surrogate-key", "s2")],
                &["c1", "s2"],
                &["s1", "x1"],
            ),
        ] {
            let script = [(200, &first[..], "body"), (304, says, "")];
            let setup = exchanged(fields(), &script).await;
            for tag in lost {
                setup.purge(tag);
            }
            assert!(setup.get("/a").await.is_hit(), "{says:?}");
            for tag in has {
                let setup = exchanged(fields(), &script).await;
                setup.purge(tag);
                assert!(setup.stored("/a").await.is_none(), "{tag} after {says:?}");
            }
            // What it did not speak of is still there when the next one comes.
            let third = [ETAG, ("cache-tag", "c3")];
            let again = [script[0], script[1], (304, &third[..], "")];
            let setup = exchanged(fields(), &again).await;
            assert_eq!(setup.have("c3"), 1);
            for tag in has.iter().filter(|tag| !tag.starts_with('c')) {
                assert_eq!(setup.have(tag), 1, "{tag} after {says:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_stored_goes_when_a_304_brings_more_tags_than_there_may_be() {
    let many: Vec<_> = (0..300).map(|n| n.to_string()).collect();
    let many = many.join(",");
    let script = [
        (200, &[FRESH, ETAG, ("cache-tag", "a")][..], "body"),
        (304, &[FRESH, ETAG, ("cache-tag", &*many)], ""),
        (200, &[FRESH, ETAG], "new"),
    ];
    let setup = Setup::shared(Origin::script(&script));
    setup.get("/a").await;
    setup.clock.advance(61);
    assert_eq!(setup.get("/a").await.text(), "body");
    assert_eq!(setup.cache.stats().responses(), 0);
    assert_eq!(setup.get("/a").await.text(), "new");
    assert!(
        !setup
            .origin
            .last_seen()
            .headers
            .contains_key("if-none-match")
    );
}

#[tokio::test]
async fn tags_that_cannot_be_kept_keep_a_response_from_being_stored() {
    let many: Vec<_> = (0..257).map(|n| n.to_string()).collect();
    let bytes = HeaderValue::from_bytes(b"a, \xff").unwrap();
    for (name, value, reason) in [
        (
            "cache-tag",
            many.join(",").parse().unwrap(),
            "too-many-tags",
        ),
        ("xkey", many.join(" ").parse().unwrap(), "too-many-tags"),
        (
            "surrogate-key",
            "k".repeat(1025).parse().unwrap(),
            "too-many-tags",
        ),
        ("cache-tag", bytes.clone(), "invalid-tag"),
        (
            "connection",
            HeaderValue::from_static("Cache-Tag"),
            "connection-field",
        ),
    ] {
        let setup = Setup::shared(Origin::new(move |_, _| {
            let mut answer = response(200, &[FRESH, ("cache-tag", "a")], "");
            answer.headers_mut().insert(name, value.clone());
            answer
        }));
        let reply = setup.get("/a").await;
        let expected = format!("larder; fwd=uri-miss; detail={reason}");
        assert_eq!(reply.field("cache-status"), expected);
        assert_eq!(setup.cache.stats().responses(), 0);
    }
    // Nobody reads them.
    let unread = Origin::new(move |_, _| {
        let mut answer = response(200, &[FRESH], "");
        answer.headers_mut().insert("cache-tag", bytes.clone());
        answer
    });
    assert!(
        with_fields(unread, TagFields::none())
            .get("/a")
            .await
            .is_stored()
    );
}

#[tokio::test]
async fn tags_that_only_the_first_receiver_may_see_are_tags_all_the_same() {
    for says in [
        "max-age=60, private=\"cache-tag\"",
        "max-age=60, no-cache=\"cache-tag\"",
    ] {
        let first = [("cache-control", says), ETAG, ("cache-tag", "a")];
        let confirmed = [ETAG];
        let script = [(200, &first[..], "body"), (304, &confirmed[..], "")];
        let setup = exchanged(TagFields::new(), &script).await;
        assert!(!setup.get("/a").await.has("cache-tag"));
        assert_eq!(setup.have("a"), 1, "{says}");
    }
}

/// On a route that declares its inputs, what a 304 says besides of the client on whose occasion it
/// came is not taken over. What it calls the response is.
#[tokio::test]
async fn a_304_names_what_is_stored_whoever_asked() {
    #[derive(Clone)]
    struct CurrentUser;

    let route = RoutePolicy::shared(MINUTE).key(Key::new());
    let script = [
        (
            200,
            &[ETAG, ("cache-tag", "old"), ("x-user", "none")][..],
            "body",
        ),
        (304, &[ETAG, ("cache-tag", "new"), ("x-user", "7")], ""),
    ];
    let layer = |cache| CacheLayer::new(cache).with_route_policy(route);
    let setup = Setup::with_layer(Origin::script(&script), layer);
    setup.get("/a").await;
    setup.clock.advance(61);
    let mut asked = request("GET", "/a", &[("authorization", "Bearer 7")]);
    asked.extensions_mut().insert(CurrentUser);
    setup.send(asked).await;
    let hit = setup.get("/a").await;
    assert_eq!((hit.is_hit(), hit.field("x-user")), (true, "none"));
    assert_eq!((setup.have("old"), setup.have("new")), (0, 1));
}
