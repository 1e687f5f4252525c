//! What a [`GreedyDual`](crate::tier::greedy_dual::GreedyDual) keeps and what goes: GreedyDual-Size with
//! frequency (Cherkasova, HPL-98-69), worked out late.
//!
//! What is stored has a credit: how often it is read for each byte that it takes. What has the least
//! goes first, and what is left is measured from there: whoever is put there later begins above it, so
//! that what was popular once does not stay for ever.
//!
//! Reads only count on what they find. The credit is worked out when its time has come: those of about
//! the same credit stand in one row, in the order in which they came, so that the next to go is at the
//! end of one of the rows. If it was read meanwhile, it begins again with a higher credit.
//!
//! What was never read has little credit, a tenth of what one read gives: there is much that nobody
//! asks for again. A fingerprint of its key is remembered for a while after it went, and what comes back
//! in that time is taken for read.

use std::sync::Arc;

use slab::Slab;
use smallvec::SmallVec;

use crate::tier::ghosts::Ghosts;
use crate::tier::held::{Held, Usage, Weighed};
use crate::tier::rows::{Links, NO_ROW, Node, Rows};

/// What has to go. Few at a time take no memory for that.
pub(crate) type Gone<V> = SmallVec<[Arc<Held<V>>; 4]>;

#[derive(Debug)]
pub(crate) struct Books<V: Weighed> {
    nodes: Slab<Node<V>>,
    rows: Rows,
    ghosts: Ghosts,
    /// The credit of what went last.
    level: u64,
    bytes: u64,
    responses: u64,
    max_bytes: u64,
}

impl<V: Weighed> Books<V> {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            nodes: Slab::new(),
            rows: Rows::default(),
            ghosts: Ghosts::default(),
            level: 0,
            bytes: 0,
            responses: 0,
            max_bytes,
        }
    }

    /// Puts something into the books, in the place of `old`; what has to go for it, perhaps itself, is
    /// added to `gone`.
    pub(crate) fn put(&mut self, new: Arc<Held<V>>, old: Option<&Held<V>>, gone: &mut Gone<V>) {
        let worth = match old {
            Some(old) => {
                new.set_uses(old.uses());
                let replaced = self.take(old.place());
                let worth = replaced.as_ref().map(|node| node.worth);
                gone.extend(replaced.map(|node| node.held));
                worth.unwrap_or(UNREAD)
            }
            None if self.ghosts.take(&new.key) => READ,
            None => UNREAD,
        };
        let weight = new.weight();
        let Some(weight) = weight.filter(|_| self.has_room_for(weight)) else {
            gone.push(new);
            return;
        };
        self.make_room(u64::from(weight), gone);
        let entry = self.nodes.vacant_entry();
        let Ok(place) = u32::try_from(entry.key()) else {
            gone.push(new);
            return;
        };
        new.set_place(place);
        self.bytes += u64::from(weight);
        self.responses += new.responses() as u64;
        entry.insert(Node {
            held: new,
            links: Links::default(),
            weight,
            worth,
            row: NO_ROW,
        });
        self.enrol(place, worth);
    }

    /// Whether so much can be kept at all.
    pub(crate) fn has_room_for(&self, weight: Option<u32>) -> bool {
        weight.is_some_and(|weight| u64::from(weight) <= self.max_bytes)
    }

    /// Takes something out of the books.
    pub(crate) fn remove(&mut self, held: &Held<V>) -> Option<Arc<Held<V>>> {
        self.take(held.place()).map(|node| node.held)
    }

    /// Takes all out of the books.
    pub(crate) fn clear(&mut self) -> Self {
        let empty = Self::new(self.max_bytes);
        std::mem::replace(self, empty)
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage {
            keys: self.nodes.len() as u64,
            responses: self.responses,
            bytes: self.bytes,
        }
    }

    fn make_room(&mut self, weight: u64, gone: &mut Gone<V>) {
        let mut spared = 0;
        while self.bytes + weight > self.max_bytes {
            let Some((place, due)) = self.rows.next() else {
                return;
            };
            self.level = self.level.max(due);
            let Some(node) = self.nodes.get(place as usize) else {
                return;
            };
            let uses = node.held.uses();
            if uses > 0 && spared < MAX_SPARED {
                spared += 1;
                node.held.set_uses(0);
                let worth = node.worth.saturating_add(uses * READ).min(MOST);
                self.rows.unlink(&mut self.nodes, place);
                self.enrol(place, worth);
            } else if let Some(node) = self.take(place) {
                self.ghosts.add(&node.held.key, self.nodes.len());
                gone.push(node.held);
            }
        }
    }

    /// Into the row of its credit.
    fn enrol(&mut self, place: u32, worth: u8) {
        if let Some(node) = self.nodes.get_mut(place as usize) {
            node.worth = worth;
            let credit = (u64::from(worth) << 32) / u64::from(node.weight.max(1));
            self.rows.link(&mut self.nodes, place, credit, self.level);
        }
    }

    fn take(&mut self, place: u32) -> Option<Node<V>> {
        self.rows.unlink(&mut self.nodes, place);
        let node = self.nodes.try_remove(place as usize)?;
        self.bytes -= u64::from(node.weight);
        self.responses -= node.held.responses() as u64;
        Some(node)
    }
}

/// What was never read is worth so much, what was read once so much more, and nothing more than that.
const UNREAD: u8 = 1;
const READ: u8 = 10;
const MOST: u8 = 160;

/// Of so many that were read one goes all the same: whoever stores something does not wait for a walk
/// through the whole store.
const MAX_SPARED: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Weight(usize);

    impl Weighed for Weight {
        fn weight(&self) -> usize {
            self.0
        }

        fn responses(&self) -> usize {
            2
        }
    }

    struct Shop {
        books: Books<Weight>,
        held: Vec<Arc<Held<Weight>>>,
    }

    impl Shop {
        fn new(max_bytes: u64) -> Self {
            let (books, held) = (Books::new(max_bytes), Vec::new());
            Self { books, held }
        }

        fn get(&self, key: u8) -> Option<&Arc<Held<Weight>>> {
            self.held.iter().find(|held| *held.key == [key])
        }

        fn read(&self, key: u8) {
            self.get(key).expect("it is there").used();
        }

        /// With its key it weighs so much. Gives what went.
        fn put(&mut self, key: u8, weight: usize) -> Vec<u8> {
            let new = Arc::new(Held::new(Arc::from([key]), Weight(weight - 1)));
            let old = self.get(key).cloned();
            self.held.push(Arc::clone(&new));
            let mut gone = Gone::new();
            self.books.put(new, old.as_deref(), &mut gone);
            self.held
                .retain(|held| !gone.iter().any(|gone| Arc::ptr_eq(gone, held)));
            self.assert_agrees();
            gone.iter().map(|held| held.key[0]).collect()
        }

        fn assert_agrees(&self) {
            let bytes: u64 = self.held.iter().map(|held| held.0 as u64 + 1).sum();
            let usage = Usage {
                keys: self.held.len() as u64,
                responses: 2 * self.held.len() as u64,
                bytes,
            };
            assert_eq!(self.books.usage(), usage);
            assert!(bytes <= self.books.max_bytes);
        }
    }

    #[test]
    fn what_was_read_stays_and_what_came_first_goes() {
        let mut shop = Shop::new(400);
        for key in 1..=4 {
            assert!(shop.put(key, 100).is_empty());
        }
        shop.read(1);
        shop.read(3);
        assert_eq!(shop.put(5, 100), [2]);
        assert_eq!(shop.put(6, 100), [4]);
        assert_eq!(shop.put(7, 100), [5]);
        assert!(shop.get(1).is_some() && shop.get(3).is_some());
    }

    #[test]
    fn large_one_goes_before_small_ones_that_were_read_as_often() {
        let mut shop = Shop::new(1_000);
        shop.put(1, 50);
        shop.put(2, 800);
        shop.put(3, 50);
        assert_eq!(shop.put(4, 500), [2]);
    }

    #[test]
    fn what_was_popular_once_goes_when_nobody_asks_any_more() {
        let mut shop = Shop::new(400);
        shop.put(1, 100);
        (0..9).for_each(|_| shop.read(1));
        for _ in 0..3 {
            for key in 2..200 {
                shop.put(key, 100);
                shop.read(key);
            }
        }
        assert!(shop.get(1).is_none());
    }

    #[test]
    fn what_comes_back_soon_is_taken_for_read() {
        let mut shop = Shop::new(400);
        for key in 1..=5 {
            shop.put(key, 100);
        }
        assert!(shop.get(1).is_none());
        shop.put(1, 100);
        for key in 10..16 {
            shop.put(key, 100);
        }
        assert!(shop.get(1).is_some());
    }

    #[test]
    fn replacement_keeps_what_the_replaced_was_worth() {
        let mut shop = Shop::new(400);
        shop.put(1, 100);
        shop.read(1);
        assert_eq!(shop.put(1, 120), [1]);
        for key in 2..8 {
            shop.put(key, 90);
        }
        assert!(shop.get(1).is_some());
    }

    #[test]
    fn books_agree_and_are_never_over_the_bound_whatever_happens() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut shop = Shop::new(5_000);
        for _ in 0..20_000 {
            let key = rng.u8(..);
            match rng.u8(..10) {
                0..4 => {
                    shop.put(key, rng.usize(1..6_000) / rng.usize(1..100) + 1);
                }
                4 => {
                    if let Some(held) = shop.get(key).cloned() {
                        assert!(shop.books.remove(&held).is_some());
                        shop.held.retain(|other| !Arc::ptr_eq(other, &held));
                    }
                }
                _ => {
                    if let Some(held) = shop.get(key) {
                        held.used();
                    }
                }
            }
            shop.assert_agrees();
        }
        let all = shop.books.clear();
        assert_eq!(all.usage().keys, shop.held.len() as u64);
        assert_eq!(shop.books.usage(), Usage::default());
    }

    #[test]
    fn storing_does_not_walk_over_all_that_was_read() {
        let mut shop = Shop::new(20_000);
        for key in 0..200 {
            shop.put(key, 100);
            shop.read(key);
        }
        assert_eq!(shop.put(200, 100).len(), 1);
        let unread = shop.held.iter().filter(|held| held.uses() == 0);
        assert_eq!(unread.count(), 1 + MAX_SPARED as usize);
    }
}
