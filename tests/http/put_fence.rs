//! Values that were read before a purge do not come after it ([`Cache::fence`]).

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use axum::body::Body;
use http::Request;
use larder::{Cache, CacheLayer, KeyPart, Purge, PutError, RoutePolicy};
use larder_tests::{Origin, Setup, TestClock, get};

use crate::put::{route, value};
use crate::scene::secs;
use crate::users::UserNumber;

fn tagged() -> RoutePolicy {
    RoutePolicy::shared(secs(60)).tag("a").tag("b")
}

#[tokio::test]
async fn value_of_before_a_purge_is_refused_after_it() {
    let hard = [
        Purge::tag("a"),
        Purge::any_tag(["b", "c"]),
        Purge::all_tags(["a", "b"]),
        Purge::url("/a").unwrap(),
        Purge::prefix("/").unwrap(),
        Purge::everything(),
    ];
    let soft = hard.clone().map(Purge::soft);
    for purge in hard.into_iter().chain(soft) {
        let setup = route(&tagged());
        let fence = setup.cache.fence();
        setup.cache.purge(purge.clone());
        let old = setup
            .cache
            .put_since(&fence, &get("/a"), value(&[], "old"), &tagged());
        assert_eq!(old.unwrap_err(), PutError::Invalidated, "{purge:?}");
        assert_eq!(setup.get("/a").await.text(), "call 1", "{purge:?}");
        let fence = setup.cache.fence();
        let new = setup
            .cache
            .put_since(&fence, &get("/a"), value(&[], "new"), &tagged());
        let _ = new.unwrap();
        assert_eq!(setup.get("/a").await.text(), "new", "{purge:?}");
    }
}

#[tokio::test]
async fn purge_of_something_else_is_in_nobodys_way() {
    for purge in [
        Purge::tag("c"),
        Purge::all_tags(["a", "c"]),
        Purge::url("/b").unwrap(),
        Purge::prefix("/ab").unwrap(),
        Purge::identity(&UserNumber(7)),
    ] {
        let setup = route(&tagged());
        let fence = setup.cache.fence();
        setup.cache.purge(purge.clone());
        let put = setup
            .cache
            .put_since(&fence, &get("/a"), value(&[], "put"), &tagged());
        assert!(put.is_ok(), "{purge:?}");
        assert_eq!(setup.get("/a").await.text(), "put");
    }
}

#[tokio::test]
async fn purge_of_a_user_keeps_out_what_was_read_for_that_user() {
    let policy = RoutePolicy::per_user::<UserNumber>(secs(60));
    let setup = route(&policy);
    let asked = |user: u64| -> Request<Body> {
        let mut request = get("/me");
        request.extensions_mut().insert(UserNumber(user));
        request
    };
    assert_eq!(UserNumber::NAME, "user");
    let fence = setup.cache.fence();
    setup.cache.purge(Purge::identity(&UserNumber(1)));
    let put = |user| {
        setup
            .cache
            .put_since(&fence, &asked(user), value(&[], "own"), &policy)
    };
    assert_eq!(put(1).unwrap_err(), PutError::Invalidated);
    assert!(put(2).is_ok());
}

#[tokio::test]
async fn write_of_a_client_keeps_out_what_was_read_before_it() {
    let setup = route(&tagged());
    let fence = setup.cache.fence();
    setup.send(larder_tests::request("POST", "/a", &[])).await;
    let put = setup
        .cache
        .put_since(&fence, &get("/a"), value(&[], "old"), &tagged());
    assert_eq!(put.unwrap_err(), PutError::Invalidated);
}

#[tokio::test]
async fn purge_after_the_put_drops_it() {
    let setup = route(&tagged());
    let fence = setup.cache.fence();
    let _ = setup
        .cache
        .put_since(&fence, &get("/a"), value(&[], "put"), &tagged())
        .unwrap();
    setup.cache.purge(Purge::tag("a"));
    assert_eq!(setup.get("/a").await.text(), "call 1");
}

#[tokio::test]
async fn value_is_as_old_as_its_fence() {
    let setup = route(&tagged());
    let fence = setup.cache.fence();
    assert_eq!(fence.taken_at(), setup.clock.now());
    setup.clock.advance(7);
    let put = setup
        .cache
        .put_since(&fence, &get("/a"), value(&[], "put"), &tagged());
    assert_eq!(put.unwrap().fresh_for(), secs(53));
    let hit = setup.get("/a").await;
    assert_eq!((hit.field("age"), hit.text()), ("7", "put"));
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=53");
}

#[tokio::test]
async fn fence_of_another_cache_vouches_for_nothing() {
    let (own, other) = (Cache::builder().build(), Cache::builder().build());
    let fence = other.fence();
    let put = own.put_since(&fence, &get("/a"), value(&[], "put"), &tagged());
    assert_eq!(put.unwrap_err(), PutError::Invalidated);
    let layer = CacheLayer::new(own).with_route_policy(tagged());
    let put = layer.put_since(&fence, &get("/a"), value(&[], "put"));
    assert_eq!(put.unwrap_err(), PutError::Invalidated);
}

/// Whoever writes makes a new version and purges; whoever puts reads a version and puts it. Nobody
/// finds a version from before a purge that has returned.
#[test]
fn nothing_old_is_found_after_a_purge_while_values_are_put() {
    let setup = route(&tagged());
    let [version, purged, tries, old] = [const { AtomicU64::new(0) }; 4];
    let writer = || {
        for new in 1..=500 {
            version.store(new, Ordering::SeqCst);
            setup.cache.purge(Purge::tag("a"));
            purged.store(new, Ordering::SeqCst);
            let seen = tries.load(Ordering::SeqCst);
            while tries.load(Ordering::SeqCst) == seen {
                thread::yield_now();
            }
        }
    };
    let putter = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let mut last = false;
        while !last {
            last = purged.load(Ordering::SeqCst) == 500;
            let fence = setup.cache.fence();
            let read = version.load(Ordering::SeqCst).to_string();
            tries.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            let value = value(&[], &read);
            let _ = setup.cache.put_since(&fence, &get("/a"), value, &tagged());
            let since = purged.load(Ordering::SeqCst);
            let found = runtime.block_on(setup.stored("/a"));
            let found = found.map_or(u64::MAX, |found| found.text().parse().unwrap());
            old.fetch_add(u64::from(found < since), Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        scope.spawn(writer);
        scope.spawn(putter);
        scope.spawn(putter);
    });
    assert_eq!(old.load(Ordering::SeqCst), 0);
    assert_eq!(setup.cache.stats().responses(), 1);
}

fn remembering(records: u64) -> Setup {
    let set = |builder: larder::CacheBuilder| builder.max_purge_records(records);
    let layer = |cache| CacheLayer::new(cache).with_route_policy(tagged());
    Setup::with(Origin::ok(&[]), set, layer)
}

fn purge_others(cache: &Cache, name: &str, count: usize) {
    for number in 0..count {
        cache.purge(Purge::tag(format!("{name}:{number}")));
    }
}

#[tokio::test]
async fn sweep_forgets_no_purge_since_a_fence() {
    for purged in [false, true] {
        let setup = remembering(64);
        purge_others(&setup.cache, "before", 40);
        let fence = setup.cache.fence();
        if purged {
            setup.cache.purge(Purge::tag("a"));
        }
        purge_others(&setup.cache, "since", 30);
        // The background has forgotten what was before.
        while setup.cache.stats().purge_records() > 50 {
            thread::yield_now();
        }
        let put = setup
            .cache
            .put_since(&fence, &get("/a"), value(&[], "put"), &tagged());
        let error = purged.then_some(PutError::Invalidated);
        assert_eq!(put.err(), error);
    }
}

#[tokio::test]
async fn value_whose_fence_is_older_than_what_is_remembered_is_refused() {
    let setup = remembering(4);
    let fence = setup.cache.fence();
    let recent = |setup: &Setup| {
        let fence = setup.cache.fence();
        setup
            .cache
            .put_since(&fence, &get("/a"), value(&[], "new"), &tagged())
    };
    setup.cache.purge(Purge::tag("a"));
    purge_others(&setup.cache, "other", 200);
    while setup.cache.stats().purge_records() > 8 {
        thread::yield_now();
    }
    let put = setup
        .cache
        .put_since(&fence, &get("/a"), value(&[], "old"), &tagged());
    assert_eq!(put.unwrap_err(), PutError::Invalidated);
    assert!(recent(&setup).is_ok());
    assert_eq!(setup.get("/a").await.text(), "new");
}

#[tokio::test]
async fn value_with_the_later_fence_stays() {
    let clock = TestClock::default();
    let cache = Cache::builder().clock(clock.clock()).build();
    let earlier = cache.fence();
    clock.advance(1);
    let later = cache.fence();
    clock.advance(1);
    let put = |fence, body| cache.put_since(fence, &get("/a"), value(&[], body), &tagged());
    let _ = put(&later, "new").unwrap();
    assert_eq!(put(&earlier, "old").unwrap_err(), PutError::Outdated);
    // With the same fence, what comes later is what was read later.
    assert!(put(&later, "newer").is_ok());
}

/// Else a feed could put nothing there until the clock has caught up.
#[tokio::test]
async fn value_takes_the_place_of_what_is_of_a_clock_that_was_ahead() {
    let clock = TestClock::default();
    let cache = Cache::builder().clock(clock.clock()).build();
    let put = |fence: &_, path, body| {
        let put = cache.put_since(fence, &get(path), value(&[], body), &tagged());
        put.map(drop)
    };
    for body in ["one", "two", "three"] {
        let fence = cache.fence();
        clock.advance(1);
        assert_eq!(put(&fence, "/a", body), Ok(()));
        clock.rewind(3600);
    }
    // Of two values that were read before that the earlier is still the older one.
    let earlier = cache.fence();
    clock.advance(1);
    let later = cache.fence();
    clock.rewind(3600);
    assert_eq!(put(&later, "/b", "new"), Ok(()));
    assert_eq!(put(&earlier, "/b", "old"), Err(PutError::Outdated));
}
