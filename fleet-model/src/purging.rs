//! Own purges, and those that the log tells of.

use bytes::Bytes;

use crate::fleet::outbox::lane_of;
use crate::fleet::record::{Purged, Record};
use crate::follower::Half;
use crate::mistake::Mistake;
use crate::node::{Node, Sender};
use crate::shared::LogPosition;
use crate::stamps::{Life, Manner};
use crate::truth::{Known, Purge, Truth};
use crate::world::World;

impl World {
    /// The origin changes, and then what depends on it is purged.
    pub(crate) fn purge(&mut self, at: usize, what: Purged, manner: Manner) {
        let node = &mut self.nodes[at];
        let event = self.truth.next();
        for version in &mut self.truth.versions {
            *version += u64::from(self.rng.bool());
        }
        let lane = lane_of(manner);
        let local = what.stamp(&node.stamps, manner);
        let number = node.order.purged(lane, local);
        node.known.insert(self.truth.purges.len());
        self.truth.purges.push(Purge {
            event,
            node: node.id.bits(),
            number,
            what: what.clone(),
            manner,
            wall: self.truth.now as i64 + node.skew,
            logged: None,
        });
        node.outbox.push(number, what.clone(), manner);
        node.clear_after(&what, manner, &self.truth);
    }
}

impl Node {
    pub(crate) fn clear_after(&mut self, what: &Purged, manner: Manner, truth: &Truth) {
        if *what == Purged::Everything && manner == Manner::Hard {
            self.memory.clear();
        }
        self.settle(truth);
    }

    /// A record of the log: its purge takes effect, and then it counts as applied. In between requests look.
    pub(crate) fn apply(
        &mut self,
        half: Half,
        position: LogPosition,
        bytes: &Bytes,
        known: Known,
        truth: &Truth,
    ) -> Result<(), String> {
        let record = Record::decode(bytes).expect("nodes write what can be read");
        let first = matches!(half, Half::First);
        if self.mistake == Mistake::PublishedFirst && first {
            self.publish(position, known);
            return Ok(());
        }
        if first {
            return self.take_in(position, &record, truth);
        }
        if self.mistake == Mistake::PublishedFirst {
            self.take_in(position, &record, truth)?;
        }
        self.publish(position, known);
        if record.node == self.id {
            self.settle(truth);
        } else {
            self.clear_after(&record.what, record.manner, truth);
        }
        Ok(())
    }

    fn publish(&mut self, position: LogPosition, known: Known) {
        self.applied = self.applied.max(position);
        self.known.extend(known);
    }

    fn take_in(
        &mut self,
        position: LogPosition,
        record: &Record,
        truth: &Truth,
    ) -> Result<(), String> {
        if position <= self.order.applied() {
            return Ok(());
        }
        let is_own = record.node == self.id;
        let before = self.lives(truth);
        let local = if is_own && self.mistake == Mistake::OwnNeverTold {
            None
        } else if is_own {
            let lane = lane_of(record.manner);
            self.outbox.told(lane, position);
            let told = self.order.told(lane, record.upto);
            match self.mistake {
                Mistake::OwnTwice => Some(record.what.stamp(&self.stamps, record.manner)),
                _ => told,
            }
        } else {
            Some(record.what.stamp(&self.stamps, record.manner))
        };
        self.order.apply(position, local);
        self.ignorant.apply(position, local.filter(|_| !is_own));
        if is_own && self.lives(truth) != before {
            return Err("an own purge took something when the log told of it".to_owned());
        }
        Ok(())
    }

    fn lives(&self, truth: &Truth) -> Vec<Life> {
        let memory = self.memory.values();
        memory.map(|entry| self.life(entry, truth)).collect()
    }

    pub(crate) fn begin_at(&mut self, position: LogPosition) {
        self.order.begin_at(position);
        self.ignorant.begin_at(position);
        self.applied = self.applied.max(position);
    }

    /// Everything is dead here: purges before it may have been missed.
    pub(crate) fn skip_to(&mut self, position: LogPosition) {
        Purged::Everything.stamp(&self.stamps, Manner::Hard);
        self.begin_at(position);
        self.memory.clear();
    }
}

impl World {
    /// One step of appending own purges.
    pub(crate) fn send(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        match std::mem::take(&mut node.sender) {
            Sender::Idle => {
                if let Some(sending) = node.outbox.next() {
                    node.sender = Sender::Asked(sending);
                }
            }
            Sender::Asked(sending) if node.log_up => {
                let position = self.journal.append(&sending.record, &mut self.truth);
                node.sender = Sender::Answered(sending, position);
            }
            Sender::Answered(sending, position) if node.log_up => {
                node.outbox.appended(sending, position);
            }
            // The log may have it all the same.
            Sender::Asked(sending) | Sender::Answered(sending, _) => node.outbox.put_back(sending),
        }
    }
}
