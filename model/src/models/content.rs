//! What bodies consist of.

use std::sync::LazyLock;

use bytes::Bytes;

/// A stretch of a body. Each stretch of some bytes is unlike all others of this and of other
/// versions, so whatever is left out, repeated or swapped shows.
pub(super) fn content(version: u64, from: u64, bytes: u64) -> Bytes {
    let start = version * VERSION_BYTES + from;
    let place = |at: u64| usize::try_from(at).expect("a small body");
    ALL.slice(place(start)..place(start + bytes))
}

static ALL: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 1_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 32).to_le_bytes()
    };
    let words = ALL_BYTES / 8;
    (0..words).flat_map(|_| next()).collect()
});

const ALL_BYTES: usize = 2 << 20;
/// From the start of a version to that of the next one.
const VERSION_BYTES: u64 = 65_537;
