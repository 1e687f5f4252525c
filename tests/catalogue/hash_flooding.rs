//! Keys chosen to have the same hash.
//!
//! Hashes are keyed at random, for each cache anew (`crates/larder/src/cache.rs` has the test), so
//! nobody outside knows which keys to choose. What is left to see from here is that keys that differ
//! in little are not taken for one another.

use larder::{CacheLayer, Key, RoutePolicy};
use larder_tests::{Origin, Setup, request};

use crate::setting::{FRESH, MINUTE};

const KEYS: u32 = 4096;

/// Paths of the same length that differ in a few bits.
fn path(number: u32) -> String {
    let letters = (0..12).map(|bit| if number >> bit & 1 == 0 { 'a' } else { 'b' });
    format!("/{}", letters.collect::<String>())
}

#[tokio::test]
async fn keys_that_differ_in_one_bit_are_each_found_and_purged_alone() {
    let route = RoutePolicy::shared(MINUTE).key(Key::new().header("x"));
    let setup = Setup::with_layer(Origin::ok(&[FRESH]), |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    });
    for number in 0..KEYS {
        assert!(setup.get(&path(number)).await.is_stored());
    }
    for number in (0..KEYS).step_by(64) {
        setup.send(request("PUT", &path(number), &[])).await;
    }
    for number in 0..KEYS {
        let kept = number % 64 != 0;
        assert_eq!(setup.get(&path(number)).await.is_hit(), kept, "{number}");
    }
}
