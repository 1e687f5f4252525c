//! The fields of what is read often, as one map that only has to be copied.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use larder_policy::StoredHead;

use crate::buffer::budget::{Budget, Reservation};

/// The map, once it was asked for often enough and there is room for it.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    fields: OnceLock<Box<Fields>>,
    asked: AtomicU8,
}

#[derive(Debug)]
struct Fields {
    map: HeaderMap,
    _room: Reservation,
}

impl Ready {
    #[inline]
    pub(crate) fn fields(&self, head: &StoredHead, budget: &Arc<Budget>) -> Option<&HeaderMap> {
        match self.fields.get() {
            Some(fields) => Some(&fields.map),
            None => self.make(head, budget),
        }
    }

    #[cold]
    fn make(&self, head: &StoredHead, budget: &Arc<Budget>) -> Option<&HeaderMap> {
        let asked = self.asked.load(Ordering::Relaxed);
        if asked < OFTEN {
            self.asked.store(asked + 1, Ordering::Relaxed);
            return None;
        }
        let bytes = head.map_bytes() as u64;
        if !budget.has(bytes) {
            return None;
        }
        let mut room = budget.open();
        if !room.grow(bytes) {
            return None;
        }
        let fields = self.fields.get_or_init(|| {
            Box::new(Fields {
                map: head.headers(),
                _room: room,
            })
        });
        Some(&fields.map)
    }
}

/// Answers from the same stored response before that.
const OFTEN: u8 = 3;
