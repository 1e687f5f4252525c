//! Purges of all kinds, from one node to all, whatever is under way meanwhile.

use http::Request;
use larder::{CacheLayer, KeyPart, PartWriter, Purge, RoutePolicy, SharedSettings};
use larder_testing::{FakeLink, FakeStore, Side};
use larder_tests::{get, request, response};
use tokio::time::{Instant, sleep};

use crate::node::{App, Node, settle};
use crate::site::{Site, millis, secs};

struct Pair {
    store: FakeStore,
    links: [FakeLink; 2],
    one: Node,
    other: Node,
}

async fn pair(app: &App) -> Pair {
    pair_with(app, SharedSettings::new()).await
}

async fn pair_with(app: &App, settings: SharedSettings) -> Pair {
    let store = FakeStore::new();
    let links = [store.link(), store.link()];
    let make = |link: &FakeLink| Node::with(app, link.clone(), settings.clone(), |cache| cache);
    Pair {
        one: make(&links[0]).ready().await,
        other: make(&links[1]).ready().await,
        store,
        links,
    }
}

#[derive(Clone)]
struct User(&'static str);

impl KeyPart for User {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_purge_hits_the_same_on_all_nodes_and_nothing_else() {
    let url = |url| Purge::url(url).unwrap();
    let cases = [
        (Purge::tag("red"), [false, true, true]),
        (Purge::any_tag(["blue", "green"]), [true, false, false]),
        (Purge::all_tags(["red", "small"]), [false, true, false]),
        (url("http://h/p/1"), [true, false, false]),
        (Purge::prefix("/p").unwrap(), [true, true, false]),
        (Purge::everything(), [true, true, true]),
        (
            url("http://h/q").and(Purge::tag("blue")),
            [true, false, true],
        ),
    ];
    let tags = [
        ("http://h/p/1", "blue, small"),
        ("http://h/p/2", "red, small"),
        ("http://h/q", "red, large"),
    ];
    for (purge, hit) in cases {
        for soft in [false, true] {
            let purge = if soft {
                purge.clone().soft()
            } else {
                purge.clone()
            };
            let site = Site::new(move |asked| {
                let found = tags.iter().find(|(url, _)| url.ends_with(asked.uri.path()));
                let fields = [
                    ("cache-control", "max-age=60"),
                    ("cache-tag", found.unwrap().1),
                ];
                response(200, &fields, format!("{}", asked.before))
            });
            let store = FakeStore::new();
            let one = site.node(store.link()).ready().await;
            let other = site.node(store.link()).ready().await;
            for (url, _) in tags {
                one.get(url).await;
                settle().await;
                other.get(url).await;
            }
            let receipt = one.cache.purge(purge.clone()).await.unwrap();
            assert_eq!(receipt.everywhere(secs(1)).await, Ok(2));
            let new = site.node(store.link()).ready().await;
            for (at, (url, _)) in tags.iter().enumerate() {
                for node in [&other, &one, &new] {
                    let is_old = node.get(url).await.text() == at.to_string();
                    assert_eq!(is_old, !hit[at], "{purge:?} {url}");
                    settle().await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_user_has_is_purged_on_all_nodes() {
    let (site, store) = (Site::with(&[]), FakeStore::new());
    let make = || {
        site.node_with(store.link(), SharedSettings::new(), |layer: CacheLayer| {
            layer.with_route_policy(RoutePolicy::per_user::<User>(secs(60)))
        })
    };
    let (one, other) = (make().ready().await, make().ready().await);
    let by = |user| {
        let mut request: Request<axum::body::Body> = get("/me");
        request.extensions_mut().insert(User(user));
        request
    };
    for user in ["ann", "bob"] {
        one.send(by(user)).await;
        settle().await;
        assert!(other.send(by(user)).await.is_hit());
    }
    let receipt = one
        .cache
        .purge(Purge::identity(&User("ann")))
        .await
        .unwrap();
    receipt.everywhere(secs(1)).await.unwrap();
    assert!(other.send(by("bob")).await.is_hit());
    assert!(!other.send(by("ann")).await.is_hit());
}

/// RFC 9111 section 4.4, and RFC 9875.
#[tokio::test(start_paused = true)]
async fn writes_through_one_node_invalidate_on_all() {
    let site = Site::new(|asked| {
        let body = format!("{}", asked.before);
        if asked.method == "GET" {
            let fields = [("cache-control", "max-age=60"), ("cache-groups", "\"g\"")];
            response(200, &fields, body)
        } else if asked.uri.path() == "/groups" {
            response(204, &[("cache-group-invalidation", "\"g\"")], "")
        } else {
            response(204, &[("location", "/b")], "")
        }
    });
    let store = FakeStore::new();
    let one = site.node(store.link()).ready().await;
    let other = site.node(store.link()).ready().await;
    let fill = async || {
        for path in ["/a", "/b", "/c"] {
            one.get(path).await;
            settle().await;
            assert!(other.get(path).await.is_hit());
        }
    };
    fill().await;
    one.send(request("POST", "/a", &[])).await;
    settle().await;
    assert!(!other.get("/a").await.is_hit());
    assert!(!other.get("/b").await.is_hit());
    assert!(other.get("/c").await.is_hit());
    settle().await;
    fill().await;
    one.send(request("POST", "/groups", &[])).await;
    settle().await;
    for path in ["/a", "/b", "/c"] {
        assert!(!other.get(path).await.is_hit(), "{path}");
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn fill_under_way_on_another_node_is_not_stored_and_nobody_who_comes_then_gets_it() {
    let app = App::new();
    let Pair {
        one, other, store, ..
    } = pair(&app).await;
    app.takes(millis(300));
    let purge = async {
        sleep(millis(100)).await;
        app.takes(millis(10));
        let receipt = one.change(&app, "/a").await.unwrap();
        receipt.everywhere(secs(1)).await.unwrap();
        // The old fill is still under way.
        (other.told("/a").await.0, one.told("/a").await.0)
    };
    let ((old, _), (there, here)) = tokio::join!(other.told("/a"), purge);
    assert_eq!(old, "/a 1 ");
    assert_eq!((&*there, &*here), ("/a 2 ", "/a 2 "));
    settle().await;
    let new = Node::new(&app, store.link()).ready().await;
    for node in [&one, &other, &new] {
        assert_eq!(node.told("/a").await.0, "/a 2 ");
    }
}

#[tokio::test(start_paused = true)]
async fn look_into_the_store_that_was_under_way_brings_nothing_back() {
    let app = App::new();
    let Pair {
        one, other, links, ..
    } = pair(&app).await;
    one.get("/a").await;
    settle().await;
    // What is found is what was there 40 milliseconds ago.
    links[1].side(Side::Entries).delay_replies(millis(40));
    let purge = async {
        sleep(millis(20)).await;
        let receipt = one.change(&app, "/a").await.unwrap();
        receipt.everywhere(millis(15)).await.unwrap();
    };
    let ((body, _), ()) = tokio::join!(other.told("/a"), purge);
    // It came before the purge, but what it found was purged when it found it.
    assert_eq!(body, "/a 2 ");
    assert_eq!(other.told("/a").await.0, "/a 2 ");
}

#[tokio::test(start_paused = true)]
async fn old_response_that_is_written_late_is_used_by_nobody() {
    let app = App::new();
    let settings = SharedSettings::new().write_within(secs(10));
    let Pair {
        one,
        other,
        links,
        store,
    } = pair_with(&app, settings).await;
    links[0].side(Side::Entries).delay(millis(90));
    one.get("/a").await;
    // Its write arrives 90 milliseconds later.
    let receipt = other.change(&app, "/a").await.unwrap();
    receipt.everywhere(millis(80)).await.unwrap();
    assert_eq!(store.counts().puts, 0);
    sleep(millis(100)).await;
    assert_eq!(store.counts().puts, 1);
    assert_eq!(other.told("/a").await.0, "/a 2 ");
    settle().await;
    // And it does not take the place of what is new.
    let (value, key) = (store.keys(), store.keys()[0]);
    let new = store.value(&key).unwrap();
    assert_eq!((value.len(), store.counts().puts), (1, 2));
    links[0].side(Side::Entries).delay(millis(0));
    assert_eq!(one.told("/a").await.0, "/a 2 ");
    assert_eq!(store.value(&key).unwrap(), new);
}

#[tokio::test(start_paused = true)]
async fn own_purges_while_cut_off_are_told_later_and_the_receipts_say_so() {
    let app = App::new();
    let Pair {
        one, other, links, ..
    } = pair(&app).await;
    for path in ["/a", "/b"] {
        one.get(path).await;
        settle().await;
        other.get(path).await;
    }
    links[0].cut();
    let begun = Instant::now();
    let receipt = one.change(&app, "/a");
    let error = receipt.clone().await.unwrap_err();
    assert!(error.is_local_only() && error.behind().is_empty());
    assert_eq!(begun.elapsed(), millis(250));
    let error = receipt.everywhere(secs(1)).await.unwrap_err();
    assert!(error.is_local_only());
    assert_eq!(one.told("/a").await.0, "/a 2 ");
    assert_eq!(one.cache.shared_stats().unwrap().queued_purges(), 1);
    assert_eq!(other.told("/a").await.0, "/a 1 ");
    links[0].heal();
    sleep(secs(1)).await;
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(2));
    assert_eq!(other.told("/a").await.0, "/a 2 ");
    assert!(other.get("/b").await.is_hit());
    assert_eq!(one.cache.shared_stats().unwrap().queued_purges(), 0);
}

#[tokio::test(start_paused = true)]
async fn storm_of_purges_while_cut_off_becomes_one_of_everything() {
    let app = App::new();
    let Pair {
        one,
        other,
        links,
        store,
    } = pair(&app).await;
    for path in ["/1", "/other"] {
        one.get(path).await;
        settle().await;
        other.get(path).await;
    }
    let records = store.records().len();
    links[0].cut();
    let mut receipts = (0..20_000).map(|at| one.cache.purge(Purge::tag(at.to_string())));
    let last = receipts.by_ref().last().unwrap();
    let stats = one.cache.shared_stats().unwrap();
    assert!(stats.queued_purges() <= 10_000, "{stats:?}");
    app.change("/1");
    assert_eq!(one.told("/1").await.0, "/1 2 ");
    links[0].heal();
    sleep(secs(2)).await;
    assert_eq!(last.everywhere(secs(1)).await, Ok(2));
    assert_eq!(other.told("/1").await.0, "/1 2 ");
    // One of everything, and the rest in a few records.
    let appended = store.records().len() - records;
    assert!((2..=41).contains(&appended), "{appended}");
    // Here it was known what was meant.
    assert!(one.get("/other").await.is_hit());
    assert!(!other.get("/other").await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn receipts_name_who_is_behind_until_he_is_gone() {
    let app = App::new();
    let pair = pair(&app).await;
    let (one, links) = (&pair.one, &pair.links);
    sleep(secs(2)).await;
    assert_eq!(
        one.change(&app, "/a")
            .await
            .unwrap()
            .everywhere(secs(1))
            .await,
        Ok(2)
    );
    links[1].freeze();
    let receipt = one.change(&app, "/a").await.unwrap();
    let begun = Instant::now();
    let error = receipt.everywhere(secs(1)).await.unwrap_err();
    assert!(!error.is_local_only());
    assert_eq!(error.behind().len(), 1);
    assert!(begun.elapsed() <= millis(1001), "{:?}", begun.elapsed());
    // It has not told for twice the bound: it is not there any more.
    sleep(secs(3)).await;
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(1));
    links[1].thaw();
    sleep(secs(2)).await;
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn receipts_count_no_node_that_is_gone_for_good() {
    let app = App::new();
    let Pair { one, other, .. } = pair(&app).await;
    sleep(secs(1)).await;
    drop(other);
    sleep(secs(6)).await;
    let receipt = one.change(&app, "/a").await.unwrap();
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(1));
}
