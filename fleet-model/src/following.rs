//! Following the log, with each question to it and each answer a step of its own.

use std::collections::VecDeque;
use std::mem;

use tokio::time::Instant;

use crate::fleet::course::Course;
use crate::fleet::record::Record;
use crate::follower::{Follower, Half, Reading, Told};
use crate::mistake::Mistake;
use crate::node::Node;
use crate::shared::{Batch, Extent, LogPosition, NodeId};
use crate::world::World;

/// So many records are read at once, or fewer.
const LIMIT: usize = 3;

impl World {
    /// One step. What is under way fails when the log cannot be reached.
    pub(crate) fn follow(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.nodes[at];
        if node.follower.awaits() && !node.log_up {
            node.broke = true;
            node.follower = Follower::Idle;
            return Ok(());
        }
        let next = match mem::take(&mut node.follower) {
            Follower::Idle if !node.log_up => {
                node.broke = true;
                Follower::Idle
            }
            Follower::Idle => Follower::LooksUp(node.applied),
            Follower::LooksUp(applied) => {
                let mut extent = self.journal.extent(applied, &self.truth);
                extent.is_anchored |= node.mistake == Mistake::AnchorIgnored;
                Follower::Looked(applied, extent)
            }
            Follower::Looked(applied, extent) => node.join(applied, &extent),
            Follower::Restarts(above) => {
                let record = Record::everything(NodeId::from_bits(0), 0).encode();
                let restarted = self.journal.restart(above, &record, &mut self.truth);
                Follower::Restarted(restarted)
            }
            Follower::Restarted(Some(position)) => {
                node.skip_to(position);
                node.joined(true)
            }
            Follower::Restarted(None) => {
                node.broke = true;
                Follower::Idle
            }
            Follower::Goes if self.rng.u8(..20) == 0 => Follower::Idle,
            Follower::Goes => {
                let reading = Reading {
                    moment: node.trust.now(),
                    begun: Instant::now(),
                    is_all: false,
                };
                Follower::Reads(reading, node.applied)
            }
            Follower::Reads(reading, after) => {
                let limit = self.rng.usize(1..=LIMIT);
                let batch = self.journal.read(after, limit);
                self.take(at, reading, batch)
            }
            Follower::Applies(reading, told, half) => self.apply(at, reading, told, half)?,
        };
        self.nodes[at].follower = next;
        Ok(())
    }

    fn take(&mut self, at: usize, mut reading: Reading, batch: Batch) -> Follower {
        let node = &mut self.nodes[at];
        let trusts = matches!(node.mistake, Mistake::AnchorIgnored | Mistake::NoReplay);
        if !batch.is_anchored && !trusts && node.mistake != Mistake::NoRestart {
            node.broke = true;
            return Follower::Idle;
        }
        let is_short = batch.records.len() < LIMIT;
        let by_count = is_short && node.mistake == Mistake::EndByCount;
        reading.is_all = batch.reaches_end || by_count;
        let told = batch.records.into_iter().map(|(position, record)| Told {
            position,
            record,
            known: self.journal.known_by(position),
        });
        Follower::Applies(reading, told.collect(), Half::First)
    }

    fn apply(
        &mut self,
        at: usize,
        reading: Reading,
        mut all: VecDeque<Told>,
        half: Half,
    ) -> Result<Follower, String> {
        let node = &mut self.nodes[at];
        let Some(told) = all.front() else {
            if reading.is_all {
                node.trust.heard(reading.moment);
                if node.mistake != Mistake::NotSentAgain {
                    node.outbox.heard(reading.begun);
                }
                node.is_ready = true;
            }
            return Ok(Follower::Goes);
        };
        node.apply(half, told.position, &told.record, told.known, &self.truth)?;
        if half == Half::First {
            return Ok(Follower::Applies(reading, all, Half::Second));
        }
        all.pop_front();
        Ok(Follower::Applies(reading, all, Half::First))
    }
}

impl Node {
    fn join(&mut self, applied: LogPosition, extent: &Extent) -> Follower {
        if self.mistake == Mistake::NoReplay && applied != LogPosition::START {
            self.begin_at(extent.newest.max(applied));
            return self.joined(false);
        }
        match Course::of(applied, extent) {
            Course::GoOn => self.joined(false),
            Course::Begin(oldest) if self.mistake == Mistake::BeginKeepsAll => {
                self.begin_at(oldest);
                self.joined(false)
            }
            Course::Begin(oldest) => {
                self.skip_to(oldest);
                self.joined(true)
            }
            Course::Skip(newest) if self.mistake == Mistake::SkipKeepsAll => {
                self.begin_at(newest);
                self.joined(true)
            }
            Course::Skip(newest) => {
                self.skip_to(newest);
                self.joined(true)
            }
            Course::Restart(_)
                if self.mistake == Mistake::NoRestart && applied != LogPosition::START =>
            {
                self.joined(false)
            }
            Course::Restart(above) => Follower::Restarts(above),
        }
    }

    fn joined(&mut self, lost: bool) -> Follower {
        if (self.broke || lost) && self.mistake != Mistake::NotSentAgain {
            self.outbox.send_again();
        }
        self.broke = false;
        Follower::Goes
    }
}
