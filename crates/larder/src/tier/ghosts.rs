//! The keys of what was dropped a while ago, by 32 bits of a hash. Two that meet do no harm: one
//! stays longer than it should.

use std::collections::{HashSet, VecDeque};

use rapidhash::fast::RandomState;

#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    hasher: RandomState,
    known: HashSet<u32, RandomState>,
    /// Oldest first. What came back is not taken out.
    order: VecDeque<u32>,
}

impl Ghosts {
    /// Remembers a key, and at most so many.
    pub(crate) fn add(&mut self, key: &[u8], room: usize) {
        let fingerprint = self.fingerprint(key);
        if self.known.insert(fingerprint) {
            self.order.push_back(fingerprint);
        }
        while self.order.len() > room
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether a key is remembered; no longer.
    pub(crate) fn take(&mut self, key: &[u8]) -> bool {
        let fingerprint = self.fingerprint(key);
        self.known.remove(&fingerprint)
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    fn fingerprint(&self, key: &[u8]) -> u32 {
        use std::hash::BuildHasher;
        self.hasher.hash_one(key) as u32
    }
}
