//! The engine of larder's own: an index for reads, and [books](Books) of what is kept.
//!
//! A read looks into the index and notes on what it finds, up to three times, that it was read; no
//! lock, no clock, and nothing is written for what is read often. Who changes something holds the one
//! lock of the books for a moment, and what has to go for it goes at once: the bound is never
//! exceeded, and nothing is left to be tidied up later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rapidhash::fast::RandomState;

use crate::tier::books::{Books, Gone};
use crate::tier::held::{Change, Held, Index, Key, Usage, Weighed, weight_of};

#[derive(Debug)]
pub(crate) struct GreedyDual<V: Weighed> {
    index: Index<V>,
    books: Mutex<Books<V>>,
}

impl<V: Weighed> GreedyDual<V> {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            index: Index::with_hasher(RandomState::new()),
            books: Mutex::new(Books::new(max_bytes)),
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Held<V>>> {
        let found = self.index.pin().get(key)?.upgrade()?;
        found.used();
        Some(found)
    }

    pub(crate) fn change(&self, key: Key, decide: impl FnOnce(Option<&V>) -> Change<V>) {
        // Freed after the lock: that takes longer than all the rest.
        let mut gone = Gone::new();
        let index = self.index.pin();
        let mut books = self.books();
        let old = index.get(&key).and_then(Weak::upgrade);
        match decide(old.as_deref().map(|held| &**held)) {
            Change::None => {}
            // What can never be kept is in the place of nothing.
            Change::Put(value) if !books.has_room_for(weight_of(&key, &value)) => {
                if let Some(old) = &old {
                    index.remove(&key);
                    gone.extend(books.remove(old));
                }
            }
            Change::Put(value) => {
                let key = old.as_ref().map_or(key, |old| Arc::clone(&old.key));
                let new = Arc::new(Held::new(key, value));
                index.insert(Arc::clone(&new.key), Arc::downgrade(&new));
                books.put(new, old.as_deref(), &mut gone);
                for held in &gone {
                    let same = |_: &Key, found: &Weak<_>| found.as_ptr() == Arc::as_ptr(held);
                    // An `Err`: this is what was replaced.
                    let _ = index.remove_if(&held.key, same);
                }
            }
            Change::Remove => {
                if let Some(old) = &old {
                    index.remove(&key);
                    gone.extend(books.remove(old));
                }
            }
        }
        drop(books);
    }

    pub(crate) fn clear(&self) {
        let mut books = self.books();
        self.index.pin().clear();
        let gone = books.clear();
        drop(books);
        drop(gone);
    }

    pub(crate) fn index(&self) -> &Index<V> {
        &self.index
    }

    pub(crate) fn usage(&self) -> Usage {
        self.books().usage()
    }

    fn books(&self) -> MutexGuard<'_, Books<V>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
