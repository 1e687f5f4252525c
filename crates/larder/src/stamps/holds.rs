//! [`Holds`]: which positions are still in use by work that goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::shim::{Mutex, lock};

/// How often each position is held.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    held: Mutex<BTreeMap<u64, usize>>,
}

/// As long as it is there, no purge after its position is forgotten.
#[derive(Debug)]
pub(crate) struct Hold {
    holds: Arc<Holds>,
    position: u64,
}

impl Holds {
    /// Holds the present position. It is asked for while nobody looks for the oldest.
    pub(super) fn hold(self: &Arc<Self>, position: impl FnOnce() -> u64) -> Hold {
        let mut held = lock(&self.held);
        let position = position();
        *held.entry(position).or_default() += 1;
        Hold {
            holds: Arc::clone(self),
            position,
        }
    }

    /// The oldest position that is held, else the present one.
    pub(super) fn oldest(&self, position: impl FnOnce() -> u64) -> u64 {
        let held = lock(&self.held);
        let position = position();
        held.keys()
            .next()
            .copied()
            .unwrap_or(position)
            .min(position)
    }
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        *lock(&self.holds.held).entry(self.position).or_default() += 1;
        Self {
            holds: Arc::clone(&self.holds),
            position: self.position,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = lock(&self.holds.held);
        if let Some(count) = held.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.position);
            }
        }
    }
}
