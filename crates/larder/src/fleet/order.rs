//! [`Order`]: where positions of the log stand among the positions of this process.
//!
//! A process counts the purges that it applied, be they its own or the log's; [`Stamps`] knows nothing
//! else. What another process stored carries the position of the log that had been applied *there*. It
//! is as good as what was begun here before the first purge was applied that the other did not know:
//! of the log, all later ones; of this process's own, all that the log has not told of yet.
//!
//! [`Stamps`]: crate::stamps::Stamps

use std::collections::VecDeque;

use crate::shared::LogPosition;

/// Own purges of the same manner are appended in their order.
pub(crate) const LANES: usize = 2;

/// After all local positions.
const NOTHING: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Order {
    applied: LogPosition,
    /// Of what was born before it nothing is known.
    since: LogPosition,
    /// Positions of the log and the local positions at which they were applied, or an earlier one at
    /// which a later one was: both ascend.
    known: VecDeque<(LogPosition, u64)>,
    lanes: [Lane; LANES],
    max_known: usize,
}

/// Own purges that the log has not told of yet.
#[derive(Debug, Default)]
struct Lane {
    /// In their order.
    waiting: VecDeque<Own>,
    /// How many there were.
    made: u64,
    /// How many were told of.
    told: u64,
}

/// An own purge, or several that are not told apart.
#[derive(Debug)]
struct Own {
    /// The local position of the first.
    local: u64,
    /// The number of the last.
    upto: u64,
}

impl Order {
    pub(crate) fn new(max_known: usize) -> Self {
        Self {
            applied: LogPosition::START,
            since: LogPosition::START,
            known: VecDeque::new(),
            lanes: Default::default(),
            max_known: max_known.max(1),
        }
    }

    /// The last position of the log that was applied.
    pub(crate) fn applied(&self) -> LogPosition {
        self.applied
    }

    /// An own purge was applied at a local position. Returns its number: how many of its lane there
    /// were.
    pub(crate) fn purged(&mut self, lane: usize, local: u64) -> u64 {
        let Some(lane) = self.lanes.get_mut(lane) else {
            return 0;
        };
        lane.made += 1;
        let upto = lane.made;
        let is_full = lane.waiting.len() >= self.max_known;
        match lane.waiting.back_mut() {
            // As if all of them had been made with the first.
            Some(last) if is_full => last.upto = upto,
            _ => lane.waiting.push_back(Own { local, upto }),
        }
        upto
    }

    /// The log tells of own purges up to a number. The local position of the first of them, unless it has
    /// told of them before.
    pub(crate) fn told(&mut self, lane: usize, upto: u64) -> Option<u64> {
        let lane = self.lanes.get_mut(lane)?;
        let upto = upto.min(lane.made);
        if upto <= lane.told {
            return None;
        }
        lane.told = upto;
        let first = lane.waiting.front().map(|own| own.local);
        while lane.waiting.front().is_some_and(|own| own.upto <= upto) {
            lane.waiting.pop_front();
        }
        first
    }

    /// A record of the log was applied at a local position. Nothing was, if it was known before.
    pub(crate) fn apply(&mut self, position: LogPosition, local: Option<u64>) {
        self.applied = self.applied.max(position);
        let local = local.unwrap_or(NOTHING);
        // An own purge was applied before others that come before it in the log.
        for (_, known) in self.known.iter_mut().rev() {
            if *known <= local {
                break;
            }
            *known = local;
        }
        self.known.push_back((position, local));
        while self.known.len() > self.max_known {
            if let Some((forgotten, _)) = self.known.pop_front() {
                self.since = self.since.max(forgotten);
            }
        }
    }

    /// Everything that was born before a position of the log is dead, and everything before it has
    /// been applied.
    pub(crate) fn begin_at(&mut self, position: LogPosition) {
        self.applied = self.applied.max(position);
        self.since = self.since.max(position);
        self.known.clear();
    }

    /// What was born at a position of the log is as good as what was begun here at this position.
    /// `None`: nobody knows, so it counts as dead. `present` is the last local position.
    ///
    /// A position at which no record was applied here is of a log that went back since, and what stands before
    /// it now its node may never have known; so is one that is still to come, as far as can be known.
    pub(crate) fn local(&self, born: LogPosition, present: u64) -> Option<u64> {
        if born < self.since || born > self.applied || self.applied == LogPosition::START {
            return None;
        }
        let later = self.known.partition_point(|(known, _)| *known <= born);
        let last = later.checked_sub(1).and_then(|last| self.known.get(last));
        if born != self.since && last.is_none_or(|(known, _)| *known != born) {
            return None;
        }
        let of_log = self.known.get(later).map(|(_, local)| *local);
        let own = self.lanes.iter().filter_map(|lane| lane.waiting.front());
        let own = own.map(|own| own.local);
        let first_unknown = own.chain(of_log).min();
        Some(first_unknown.map_or(present, |first| first.saturating_sub(1).min(present)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> LogPosition {
        LogPosition::new(millis, 0)
    }

    fn order() -> Order {
        let mut order = Order::new(100);
        order.begin_at(at(10));
        order
    }

    #[test]
    fn what_was_born_elsewhere_stands_before_the_first_purge_that_was_not_known_there() {
        let mut order = order();
        order.apply(at(20), Some(2));
        order.apply(at(30), Some(3));
        assert_eq!(order.local(at(9), 3), None);
        assert_eq!(order.local(at(10), 3), Some(1));
        assert_eq!(order.local(at(20), 3), Some(2));
        assert_eq!(order.local(at(30), 3), Some(3));
    }

    /// The log went back from 30 to 20 and its clock with it: what was begun at 30 knew nothing of 25.
    #[test]
    fn what_was_born_in_a_log_that_went_back_is_not_taken_for_newer_than_what_came_instead() {
        let mut order = order();
        order.apply(at(20), Some(2));
        assert_eq!(order.local(at(30), 2), None);
        order.apply(at(25), Some(3));
        assert_eq!(order.local(at(30), 3), None);
        order.apply(at(40), Some(4));
        assert_eq!(order.local(at(30), 4), None);
        assert_eq!(order.local(at(25), 4), Some(3));
    }

    #[test]
    fn nobody_elsewhere_knows_of_an_own_purge_before_the_log_tells_of_it() {
        let mut order = order();
        assert_eq!(order.purged(0, 2), 1);
        order.apply(at(20), Some(3));
        assert_eq!(order.local(at(20), 3), Some(1));
        // The log has it after the other's.
        let first = order.told(0, 1);
        assert_eq!(first, Some(2));
        order.apply(at(25), first);
        assert_eq!(order.local(at(10), 3), Some(1));
        // Who knew the other's and not this one.
        assert_eq!(order.local(at(20), 3), Some(1));
        assert_eq!(order.local(at(25), 3), Some(3));
    }

    #[test]
    fn what_the_log_tells_twice_counts_once() {
        let mut order = order();
        order.purged(1, 2);
        order.purged(1, 3);
        let first = order.told(1, 2);
        assert_eq!(first, Some(2));
        order.apply(at(20), first);
        assert_eq!(order.told(1, 2), None);
        order.apply(at(30), None);
        assert_eq!(order.applied(), at(30));
        assert_eq!(order.local(at(20), 5), Some(5));
        assert_eq!(order.local(at(30), 5), Some(5));
        assert_eq!(order.purged(1, 6), 3);
        assert_eq!(order.told(1, 2), None);
        assert_eq!(order.told(1, 3), Some(6));
    }

    #[test]
    fn own_purges_that_the_log_does_not_tell_of_are_not_remembered_without_end() {
        let mut order = Order::new(2);
        order.begin_at(at(10));
        for number in 1..=100 {
            assert_eq!(order.purged(0, number + 1), number);
        }
        assert_eq!(order.lanes[0].waiting.len(), 2);
        assert_eq!(order.local(at(10), 101), Some(1));
        assert_eq!(order.told(0, 1), Some(2));
        assert_eq!(order.local(at(10), 101), Some(2));
        // Which of them it is nobody knows any more.
        assert_eq!(order.told(0, 50), Some(3));
        assert_eq!(order.told(0, 50), None);
        assert_eq!(order.local(at(10), 101), Some(2));
        assert_eq!(order.told(0, 100), Some(3));
        assert_eq!(order.local(at(10), 101), Some(101));
        assert_eq!(order.purged(0, 102), 101);
    }

    #[test]
    fn of_what_was_born_before_all_that_is_remembered_nothing_is_known() {
        let mut order = Order::new(2);
        assert_eq!(order.local(at(10), 1), None);
        order.begin_at(at(10));
        for (millis, local) in [(20, 2), (30, 3), (40, 4)] {
            order.apply(at(millis), Some(local));
        }
        assert_eq!(order.local(at(10), 4), None);
        assert_eq!(order.local(at(20), 4), Some(2));
        order.begin_at(at(50));
        assert_eq!(order.local(at(40), 5), None);
        assert_eq!(order.local(at(50), 5), Some(5));
    }
}
