//! Purges of all kinds, from one node to all.

use larder::Purge;
use larder_testing::FakeStore;
use larder_tests::{request, response};

use crate::node::settle;
use crate::site::{Site, secs};
use crate::user::{User, get_by, node_per_user};

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
    let one = node_per_user(&site, &store).await;
    let other = node_per_user(&site, &store).await;
    for user in ["ann", "bob"] {
        one.send(get_by(user)).await;
        settle().await;
        assert!(other.send(get_by(user)).await.is_hit());
    }
    let receipt = one
        .cache
        .purge(Purge::identity(&User("ann")))
        .await
        .unwrap();
    receipt.everywhere(secs(1)).await.unwrap();
    assert!(other.send(get_by("bob")).await.is_hit());
    assert!(!other.send(get_by("ann")).await.is_hit());
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
