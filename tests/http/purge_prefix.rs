//! Purges of paths with all below them.

use larder::Purge;

use crate::purge::annotated;
use crate::purge_urls::{drops, minute};

async fn prefix_drops(prefix: &str, named: &[&str], other: &[&str]) {
    let setup = annotated(minute());
    drops(&setup, Purge::prefix(prefix).unwrap(), named, other).await;
}

#[tokio::test]
async fn prefix_names_whole_segments() {
    prefix_drops(
        "/a",
        &[
            "/a",
            "/a/",
            "/a/b",
            "/a/b/c?d",
            "/a?b",
            "/a//",
            "http://h:81/a/b",
        ],
        &[
            "/ab", "/A/b", "/b/a", "/", "//a", "/%61/b", "/a%2fb", "/a;b",
        ],
    )
    .await;
    let below = ["/a/b", "/a/b/", "/a/b?c", "/a/b/c"];
    for prefix in ["/a/b", "/a/b/"] {
        prefix_drops(prefix, &below, &["/a", "/a/", "/a/bc", "/b", "/a//b"]).await;
    }
    prefix_drops("/a%20b", &["/a%20b/c"], &["/a/c", "/a+b/c"]).await;
    prefix_drops("/a/..", &["/a/../b"], &["/a/b", "/b"]).await;
    prefix_drops("/a//", &["/a//", "/a//b"], &["/a", "/a/", "/a/b"]).await;
}

#[tokio::test]
async fn prefix_with_a_host_is_of_that_host() {
    let others = ["/a/b", "http://i/a/b", "http://h:81/a/b"];
    for prefix in ["http://h/a", "https://H:443/a/"] {
        let named = ["http://h/a", "https://h/a/b"];
        let other: Vec<_> = others.into_iter().chain(["http://h/ab"]).collect();
        prefix_drops(prefix, &named, &other).await;
    }
    for root in ["http://h", "https://h/"] {
        prefix_drops(root, &["http://h/", "https://h/a/b?c"], &others).await;
    }
}

#[tokio::test]
async fn prefix_of_the_root_is_everything() {
    prefix_drops("/", &["/", "/a", "http://h:81/b?c", "//"], &[]).await;
    assert_eq!(Purge::prefix("/"), Ok(Purge::everything()));
}

#[tokio::test]
async fn prefixes_of_more_than_32_segments_name_all_with_the_first_32() {
    let deep = |segments: usize| "/x".repeat(segments);
    let (at, below, beside) = (deep(32), deep(40), deep(31) + "/y");
    for prefix in [deep(32), deep(33), deep(100)] {
        prefix_drops(&prefix, &[&at, &below], &[&deep(31), &beside]).await;
    }
    prefix_drops(&deep(31), &[&at, &below, &beside], &[&deep(30)]).await;
}
