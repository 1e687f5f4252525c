//! [`Holds`]: which positions are still in use by work that goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::shim::{Mutex, lock};

/// How often each position is held.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    held: Mutex<Held>,
}

/// Between two purges all work holds the same position, so that of the newest a number is enough.
#[derive(Debug, Default)]
struct Held {
    newest: u64,
    of_newest: usize,
    /// Those before it, as long as they are held.
    earlier: BTreeMap<u64, usize>,
}

impl Held {
    fn add(&mut self, position: u64) {
        if position > self.newest {
            if self.of_newest > 0 {
                self.earlier.insert(self.newest, self.of_newest);
            }
            (self.newest, self.of_newest) = (position, 0);
        }
        if position == self.newest {
            self.of_newest += 1;
        } else {
            *self.earlier.entry(position).or_default() += 1;
        }
    }

    fn remove(&mut self, position: u64) {
        if position == self.newest {
            self.of_newest -= 1;
        } else if let Some(count) = self.earlier.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.earlier.remove(&position);
            }
        }
    }

    fn oldest(&self) -> Option<u64> {
        let newest = (self.of_newest > 0).then_some(self.newest);
        self.earlier.keys().next().copied().or(newest)
    }
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
        held.add(position);
        Hold {
            holds: Arc::clone(self),
            position,
        }
    }

    /// The oldest position that is held, else the present one.
    pub(super) fn oldest(&self, position: impl FnOnce() -> u64) -> u64 {
        let held = lock(&self.held);
        let position = position();
        held.oldest().unwrap_or(position).min(position)
    }
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        lock(&self.holds.held).add(self.position);
        Self {
            holds: Arc::clone(&self.holds),
            position: self.position,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.holds.held).remove(self.position);
    }
}
