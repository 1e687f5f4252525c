//! What is told of writes.

use larder::{Cache, CacheLayer, InvalidateLayer};
use larder_tests::{Client, Slow, request, response, settle};
use tower::{Layer, ServiceExt};

use super::agrees;
use super::watch::{Seen, watch};

/// A write through the cache, or through the layer for writes alone, which names two tags. Its client
/// waits for the response, or leaves.
fn write(cached: bool, stays: bool, finish: bool) -> Seen {
    watch(async {
        let (inner, gate) = Slow::gated(|_, _| response(204, &[], ""));
        let cache = Cache::builder().build();
        let client = if cached {
            let layer = CacheLayer::new(cache.clone()).with_finish_on_disconnect(finish);
            let put = layer.layer(inner).oneshot(request("PUT", "/a", &[]));
            Client::of(put)
        } else {
            let layer = InvalidateLayer::new(cache.clone(), |_, _| ["a", "b"]);
            let layer = layer.with_finish_on_disconnect(finish);
            let put = layer.layer(inner).oneshot(request("PUT", "/a", &[]));
            Client::of(put)
        };
        settle().await;
        if !stays {
            client.leave();
            settle().await;
        }
        gate.open(1);
        settle().await;
        cache
    })
}

#[test]
fn writes_tell_what_they_purged() {
    let invalidated = "invalidated urls=1";
    let abandoned = "invalidated urls=1 abandoned=true";
    let forwarded = "forwarded reason=method status=204";
    let tags = [
        "purged soft=false position=3 tag=\"a\"",
        "purged soft=false position=3 tag=\"b\"",
    ];
    for (cached, stays, finish, told, purges) in [
        (true, true, true, &[invalidated, forwarded][..], 0),
        (true, false, true, &[invalidated, forwarded], 0),
        (true, false, false, &[abandoned], 0),
        (false, true, true, &[invalidated, tags[0], tags[1]], 1),
        (false, false, true, &[invalidated, tags[0], tags[1]], 1),
        (false, false, false, &[abandoned], 0),
    ] {
        let seen = write(cached, stays, finish);
        assert_eq!(seen.events, told, "{cached} {stays} {finish}");
        assert_eq!(seen.stats.invalidations(), 1);
        assert_eq!(seen.stats.purges(), purges);
        agrees(&seen);
    }
}
