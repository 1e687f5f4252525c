//! Runs every seed through its target, without a fuzzer.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[test]
fn cache_control_seeds_hold() {
    replay("cache_control", larder_fuzz::cache_control);
}

#[test]
fn frame_seeds_hold() {
    replay("frame", larder_fuzz::frame);
}

#[test]
fn key_seeds_hold() {
    replay("key", larder_fuzz::key);
}

#[test]
fn memcached_reply_seeds_hold() {
    replay("memcached_reply", larder_fuzz::memcached_reply);
}

#[test]
fn range_seeds_hold() {
    replay("range", larder_fuzz::range);
}

#[test]
fn vary_seeds_hold() {
    replay("vary", larder_fuzz::vary);
}

fn replay(target: &str, property: fn(&[u8])) {
    // Cargo runs tests in the package's folder.
    let folder = Path::new("corpus").join(target);
    let mut seeds = 0;
    for file in fs::read_dir(&folder).expect("a folder of seeds") {
        let path = file.expect("a seed").path();
        let input = fs::read(&path).expect("a seed");
        assert!(
            catch_unwind(|| property(&input)).is_ok(),
            "failed on {}",
            path.display()
        );
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds in {}", folder.display());
}
