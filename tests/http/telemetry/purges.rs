//! What is told of purges, and of sweeps.

use larder::policy::key::Partition;
use larder::{CacheLayer, KeyPart, PartWriter, PartitionDigest, Purge, RoleSet, RoutePolicy};
use larder_tests::{Origin, Setup, request};

use super::agrees;
use super::watch::{Seen, watch};
use crate::scene::secs;

#[derive(Clone)]
struct User(&'static str);

impl KeyPart for User {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

impl RoleSet for User {
    fn roles(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.0)
    }
}

fn tagged(records: u64) -> Setup {
    let route = RoutePolicy::shared(secs(60)).tag_with(|request| [request.uri().path().to_owned()]);
    Setup::with(
        Origin::ok(&[]),
        |cache| cache.max_purge_records(records),
        |cache| CacheLayer::new(cache).with_route_policy(route),
    )
}

/// These purges, one after the other.
fn purges(purges: impl IntoIterator<Item = Purge>) -> Seen {
    watch(async {
        let setup = tagged(1024);
        for purge in purges {
            setup.cache.purge(purge);
        }
        setup.cache
    })
}

#[test]
fn every_kind_of_purge_is_told_with_what_it_names() {
    let seen = purges([
        Purge::tag("a"),
        Purge::any_tag(["b", "c"]).soft(),
        Purge::all_tags(["d", "e"]),
        Purge::url("/a?b").unwrap().and(Purge::everything()),
        Purge::url("https://h:81/a?b#c").unwrap(),
        Purge::prefix("https://h/a").unwrap().soft(),
        Purge::any_tag([""; 0]),
        Purge::identity(&User("")).soft(),
    ]);
    let told = [
        "purged soft=false position=2 tag=\"a\"",
        "purged soft=true position=3 tag=\"b\"",
        "purged soft=true position=3 tag=\"c\"",
        "purged soft=false position=4 all_tags=[\"d\", \"e\"]",
        "purged soft=false position=5 url=\"/a?b\"",
        "purged soft=false position=5 everything=true",
        "purged soft=false position=6 url=\"https://h:81/a?b\"",
        "purged soft=true position=7 prefix=\"https://h/a\"",
        "purged soft=false position=7 nothing=true",
        "purged soft=true position=7 nothing=true",
    ];
    assert_eq!(seen.events, told);
    assert_eq!(seen.stats.purges(), 8);
    assert_eq!(seen.counters["larder_purges_total hard"], 5);
    assert_eq!(seen.counters["larder_purges_total soft"], 3);
    agrees(&seen);
}

#[test]
fn purge_of_an_identity_does_not_tell_whose() {
    let seen = purges([
        Purge::identity(&User("alice@example.com")),
        Purge::roles(&User("alice@example.com")),
        Purge::partition(Partition::of("user", b"alice@example.com").unwrap()).soft(),
    ]);
    let whose = Partition::of_identity(&User("alice@example.com")).unwrap();
    let digest = PartitionDigest::of(&whose);
    let told = format!("purged soft=false position=2 partition={digest}");
    assert_eq!(seen.events[0], told);
    assert_eq!(seen.events.len(), 3);
    for event in &seen.events {
        assert!(event.contains(" partition=") && !event.contains("alice"));
    }
    let receipt = Setup::shared(Origin::ok(&[]))
        .cache
        .purge(Purge::partition(whose));
    assert!(!format!("{receipt:?}").contains("alice"));
}

/// Nothing in a tag or a URL ends a line, moves a cursor or turns text around.
#[test]
fn tags_and_urls_are_told_escaped() {
    let odd = [
        "a\r\nERROR larder: b",
        "\u{1b}[2J",
        "\u{202e}\u{2066}",
        "\u{85}\u{2028}\u{2029}",
        "\0\u{7f}\u{9b}",
        "\" position=9",
    ];
    let urls = odd.map(|odd| format!("/{odd}"));
    let seen = purges(
        odd.map(Purge::tag)
            .into_iter()
            .chain([Purge::all_tags(odd)])
            .chain(urls.iter().filter_map(|url| Purge::url(url).ok()))
            .chain(urls.iter().filter_map(|url| Purge::prefix(url).ok())),
    );
    assert!(seen.events.len() > odd.len() + 1, "some are URLs");
    let hidden = ['\u{202e}', '\u{2066}', '\u{2028}', '\u{2029}'];
    for event in &seen.events {
        let raw = |c: char| c.is_control() || hidden.contains(&c);
        assert!(!event.contains(raw), "{event:?}");
        assert!(!event.contains("\"\" position=9"), "{event}");
    }
    assert_eq!(
        seen.events[0],
        r#"purged soft=false position=2 tag="a\r\nERROR larder: b""#
    );
    let error = Purge::url("a\r\nERROR").unwrap_err();
    assert!(!error.to_string().contains(char::is_control));
}

#[test]
fn sweeps_are_told_with_what_they_dropped_and_forgot() {
    let seen = watch(async {
        let setup = tagged(0);
        for path in ["/a", "/b", "/c"] {
            setup.get(path).await;
        }
        setup.cache.purge(Purge::any_tag(["/a", "/b", "/none"]));
        setup.cache.purge(Purge::tag("/c").soft());
        // No sweep is needed after that.
        setup.cache.purge(Purge::everything());
        setup.cache
    });
    let events: Vec<_> = seen.events[6..].iter().collect();
    let told = [
        "swept removed=2 forgotten=3 left=0",
        "purged soft=false position=2 tag=\"/a\"",
        "purged soft=false position=2 tag=\"/b\"",
        "purged soft=false position=2 tag=\"/none\"",
        "swept removed=0 forgotten=1 left=0",
        "purged soft=true position=3 tag=\"/c\"",
        "purged soft=false position=4 everything=true",
    ];
    assert_eq!(events, told.each_ref());
    assert_eq!((seen.stats.sweeps(), seen.stats.purge_records()), (2, 0));
    agrees(&seen);
}

#[test]
fn what_is_remembered_of_purges_is_counted() {
    for (named, records) in [
        (Purge::tag("a"), 1),
        (Purge::any_tag(["a", "b", "a"]), 2),
        // One for the pair, and one for where it stands.
        (Purge::all_tags(["a", "b"]), 2),
        (Purge::tag("a").and(Purge::url("/a").unwrap()), 2),
        (Purge::any_tag([""; 0]), 0),
        (Purge::everything(), 0),
        // Remembered until everything that it made stale knows of it.
        (Purge::everything().soft(), 1),
    ] {
        let softly = named.clone().soft();
        let seen = if named.is_soft() {
            purges([named.clone(), named.clone(), softly])
        } else {
            purges([softly, named.clone(), named.clone()])
        };
        assert_eq!(seen.stats.purge_records(), records, "{named:?}");
        let seen = purges([named, Purge::everything()]);
        assert_eq!(seen.stats.purge_records(), 0);
    }
}

/// A write is an invalidation: purges are the application's own.
#[test]
fn write_is_told_as_an_invalidation_and_not_as_a_purge() {
    let seen = watch(async {
        let setup = tagged(1024);
        setup.get("/a").await;
        setup.send(request("POST", "/a", &[])).await;
        setup.cache
    });
    assert!(seen.events.contains(&"invalidated urls=1".to_owned()));
    assert!(!seen.events.iter().any(|event| event.starts_with("purged")));
    assert_eq!((seen.stats.purges(), seen.stats.invalidations()), (0, 1));
    agrees(&seen);
}
