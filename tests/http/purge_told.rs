//! What a purge says of itself: receipts and estimates.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use larder::{Cache, CacheLayer, Clock, Estimate, Purge, RoutePolicy};
use larder_tests::{Origin, START, Setup, get, response};
use tower::{Layer, ServiceExt};

use crate::purge::annotated;
use crate::scene::secs;
use crate::users::UserNumber;

fn tagged() -> RoutePolicy {
    RoutePolicy::shared(secs(60))
        .tag("all")
        .tag_with(|request| {
            let path = request.uri().path();
            path.split('/')
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
}

/// With four responses stored, of two hosts.
async fn four() -> Setup {
    let setup = annotated(tagged());
    for url in ["/a", "/a/b", "/b", "http://h/b"] {
        setup.get(url).await;
    }
    setup
}

#[tokio::test]
async fn receipt_tells_what_was_purged_how_when_and_where_in_the_order() {
    let setup = four().await;
    let mut now = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
    let mut last = 0;
    for purge in [
        Purge::tag("a"),
        Purge::everything(),
        Purge::url("/a").unwrap().and(Purge::tag("b")).soft(),
        Purge::everything().soft(),
        Purge::prefix("/a").unwrap(),
    ] {
        setup.clock.advance(7);
        let receipt = setup.cache.purge(purge.clone());
        assert_eq!(receipt.purge(), &purge);
        assert_eq!(receipt.purge().is_soft(), purge.is_soft());
        assert!(receipt.position() > last);
        last = receipt.position();
        now += secs(7);
        assert_eq!(receipt.effective_at(), now);
    }
    assert_eq!(setup.cache.stats().purges(), 5);
}

#[tokio::test]
async fn receipt_of_nothing_says_that_nothing_was_purged() {
    let setup = four().await;
    let before = setup.cache.purge(Purge::tag("none"));
    assert!(!before.purge().is_empty());
    for purge in [
        Purge::any_tag([""; 0]),
        Purge::all_tags([""; 0]).soft(),
        Purge::any_tag([""; 0]).and(Purge::all_tags([""; 0])),
    ] {
        let receipt = setup.cache.purge(purge);
        assert!(receipt.purge().is_empty());
        assert_eq!(receipt.position(), before.position());
    }
    assert_eq!(setup.cache.estimate(&Purge::everything()).responses(), 4);
}

#[tokio::test]
async fn caches_count_their_purges_each_for_itself() {
    let caches = [Cache::builder().build(), Cache::builder().build()];
    let [one, other] = &caches;
    let first = one.purge(Purge::everything()).position();
    for _ in 0..5 {
        other.purge(Purge::everything());
    }
    assert_eq!(one.purge(Purge::everything()).position(), first + 1);
}

#[tokio::test]
async fn estimate_counts_what_a_purge_would_hit() {
    let setup = four().await;
    for (purge, responses) in [
        (Purge::tag("a"), 2),
        (Purge::tag("none"), 0),
        (Purge::any_tag(["a", "b"]), 4),
        (Purge::all_tags(["a", "b"]), 1),
        (Purge::all_tags(["all", "b"]), 3),
        (Purge::all_tags(["a", "none"]), 0),
        (Purge::url("/b").unwrap(), 2),
        (Purge::url("http://h/b").unwrap(), 1),
        (Purge::url("/b?").unwrap(), 0),
        (Purge::prefix("/a").unwrap(), 2),
        (Purge::prefix("http://h/").unwrap(), 1),
        (Purge::prefix("http://h/a").unwrap(), 0),
        (Purge::prefix("/").unwrap(), 4),
        (Purge::everything(), 4),
        (Purge::everything().soft(), 4),
        (Purge::tag("a").and(Purge::url("/b").unwrap()), 4),
        (Purge::tag("a").and(Purge::tag("a")), 2),
        (Purge::any_tag([""; 0]), 0),
    ] {
        let before = setup.cache.stats();
        let estimate = setup.cache.estimate(&purge);
        assert_eq!(estimate.responses(), responses, "{purge:?}");
        assert_eq!(estimate.bytes() > 0, responses > 0, "{purge:?}");
        assert_eq!(setup.cache.stats(), before);
    }
    for url in ["/a", "/a/b", "/b", "http://h/b"] {
        assert!(setup.get(url).await.is_hit());
    }
}

#[tokio::test]
async fn estimate_counts_one_identitys_own() {
    let setup = annotated(RoutePolicy::per_user::<UserNumber>(secs(60)));
    for (user, path) in [(1, "/a"), (1, "/b"), (2, "/a")] {
        let mut request = get(path);
        request.extensions_mut().insert(UserNumber(user));
        setup.send(request).await;
    }
    let of = |user| setup.cache.estimate(&Purge::identity(&UserNumber(user)));
    assert_eq!([1, 2, 3].map(|user| of(user).responses()), [2, 1, 0]);
}

#[tokio::test]
async fn receipt_says_a_time_at_which_the_purge_was_in_effect() {
    let stored = Arc::<OnceLock<Cache>>::default();
    let read = Arc::clone(&stored);
    let start = SystemTime::UNIX_EPOCH + secs(START);
    // Goes on when there is nothing to purge any more.
    let clock = Clock::from_fn(move || {
        let left = read.get().map(|cache| cache.estimate(&Purge::tag("all")));
        start + secs(u64::from(left.is_some_and(|left| left.responses() == 0)))
    });
    let cache = Cache::builder().clock(clock).build();
    let layer = CacheLayer::new(cache.clone()).with_route_policy(tagged());
    let service = layer.layer(Origin::ok(&[]));
    service.oneshot(get("/a")).await.unwrap();
    stored.set(cache.clone()).unwrap();
    let receipt = cache.purge(Purge::tag("all"));
    assert_eq!(receipt.effective_at(), start + secs(1));
}

#[tokio::test]
async fn estimate_counts_bytes_with_heads_bodies_and_variants() {
    let setup = Setup::with_layer(
        Origin::new(|seen, _| {
            let body = vec![
                b'x';
                if seen.uri.path() == "/big" {
                    50_000
                } else {
                    5_000
                }
            ];
            let fields = [("cache-control", "max-age=60"), ("vary", "accept-language")];
            response(200, &fields, body)
        }),
        CacheLayer::new,
    );
    for (path, language) in [("/a", "de"), ("/a", "fr"), ("/big", "de")] {
        setup.get_with(path, &[("accept-language", language)]).await;
    }
    let of = |url| setup.cache.estimate(&Purge::url(url).unwrap());
    let (two, big) = (of("/a"), of("/big"));
    assert_eq!((two.responses(), big.responses()), (2, 1));
    assert!((10_000..15_000).contains(&two.bytes()), "{two:?}");
    assert!((50_000..55_000).contains(&big.bytes()), "{big:?}");
    let all = setup.cache.estimate(&Purge::everything());
    assert_eq!(all.bytes(), two.bytes() + big.bytes());
    // The keys come on top.
    assert!(setup.cache.stats().bytes() > all.bytes());
}

#[tokio::test]
async fn estimate_leaves_out_what_is_dead_and_not_what_is_stale() {
    let setup = four().await;
    setup.cache.purge(Purge::url("/b").unwrap().soft());
    assert_eq!(setup.cache.estimate(&Purge::everything()).responses(), 4);
    setup.cache.purge(Purge::tag("a"));
    assert_eq!(setup.cache.estimate(&Purge::everything()).responses(), 2);
    assert_eq!(setup.cache.estimate(&Purge::tag("a")), Estimate::default());
    setup.cache.purge(Purge::everything());
    assert_eq!(
        setup.cache.estimate(&Purge::everything()),
        Estimate::default()
    );
}

#[tokio::test]
async fn cache_that_keeps_nothing_can_be_purged() {
    let setup = Setup::with(
        Origin::ok(&[]),
        |cache| cache.max_bytes(0),
        |cache| CacheLayer::new(cache).with_route_policy(tagged()),
    );
    for purge in [
        Purge::tag("all"),
        Purge::tag("all").soft(),
        Purge::everything(),
        Purge::everything().soft(),
        Purge::url("/a").unwrap(),
    ] {
        assert!(!setup.get("/a").await.is_hit());
        assert_eq!(setup.cache.estimate(&purge).responses(), 0);
        let before = setup.cache.purge(purge.clone()).position();
        assert!(setup.cache.purge(purge).position() > before);
    }
    assert_eq!(setup.cache.stats().responses(), 0);
}
