//! The end of a schedule: all is well again, and everything that is on its way arrives.

use crate::fleet::record::Purged;
use crate::follower::Follower;
use crate::node::{Node, Sender};
use crate::stamps::{Manner, Named};
use crate::truth::KEYS;
use crate::world::World;

/// Far more rounds than anything should take.
const ROUNDS: usize = 400;
/// A round takes so long, in milliseconds.
const ROUND: u64 = 10;

impl World {
    /// # Errors
    ///
    /// When nodes do not come to know of all purges, or what is stored is of no use, or is of before a purge.
    pub(crate) async fn end(&mut self) -> Result<(), String> {
        for node in &mut self.nodes {
            (node.log_up, node.store_up) = (true, true);
        }
        // Beyond all positions that were ever given.
        self.journal.ahead = self.journal.ahead.max(0) + 100_000;
        self.settle().await?;
        self.overdue()?;
        self.purge(0, Purged::Named(vec![Named::One(1)]), Manner::Hard);
        self.settle().await?;
        for key in 0..KEYS {
            self.use_everywhere(key).await?;
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), String> {
        let begun = self.truth.now;
        for _ in 0..ROUNDS {
            for at in 0..self.nodes.len() {
                let node = &mut self.nodes[at];
                if node.broke && matches!(node.follower, Follower::Goes) {
                    node.follower = Follower::Idle;
                }
                self.follow(at)?;
                self.send(at);
                self.put(at);
                self.arrive(0);
                while !self.nodes[at].flights.is_empty() {
                    self.fly(at, 0)?;
                    self.follow(at)?;
                }
            }
            self.pass(ROUND).await;
            let newest = self.journal.newest();
            // It has read the log to its end since all that was under way was answered.
            let since = self.truth.now - begun;
            let has_heard = |node: &Node| node.trust.silence().as_millis() + 20 < u128::from(since);
            let is_done = |node: &Node| {
                node.is_settled() && !node.broke && node.applied == newest && has_heard(node)
            };
            if self.nodes.iter().all(is_done) && self.wire.is_empty() {
                return Ok(());
            }
        }
        let state = |node: &Node| {
            let newest = node.order.local(node.applied, node.stamps.position());
            let sent = node.outbox.len();
            format!(
                "{} {} {sent} {newest:?} {} {:?}",
                node.id,
                node.applied,
                node.stamps.position(),
                node.follower
            )
        };
        let states: Vec<_> = self.nodes.iter().map(state).collect();
        Err(format!(
            "not settled: log at {}, {states:#?}",
            self.journal.newest()
        ))
    }

    /// What the log does not have now it never will.
    fn overdue(&self) -> Result<(), String> {
        for (number, purge) in self.truth.purges.iter().enumerate() {
            let mut nodes = self.nodes.iter();
            let is_there = nodes.any(|node| node.id.bits() == purge.node);
            if is_there && purge.logged.is_none() {
                return Err(format!("purge {number} never reached the log: {purge:?}"));
            }
        }
        Ok(())
    }

    async fn use_everywhere(&mut self, key: usize) -> Result<(), String> {
        self.pass(self.limits.bound + 1).await;
        self.settle().await?;
        let hits = |world: &Self| world.counts.hits;
        for at in 0..self.nodes.len() {
            for is_again in [false, true] {
                let before = hits(self);
                self.request(at, key)?;
                self.settle().await?;
                if is_again && hits(self) == before {
                    return Err(format!("node {at} does not keep key {key}"));
                }
            }
        }
        // What stands there may be of before all that is remembered: it is fetched once more.
        for is_again in [false, true] {
            for at in 0..self.nodes.len() {
                self.nodes[at].memory.remove(&key);
                let before = self.counts.from_store;
                self.request(at, key)?;
                self.settle().await?;
                if is_again && self.counts.from_store == before {
                    return Err(format!("node {at} has no use for key {key} in the store"));
                }
            }
        }
        Ok(())
    }
}

impl Node {
    fn is_settled(&self) -> bool {
        let present = self.stamps.position();
        self.outbox.len() == 0
            && matches!(self.sender, Sender::Idle)
            && !self.follower.has_order()
            && self.is_ready
            && self.flights.is_empty()
            && self.puts.is_empty()
            && self.local(self.applied) == Some(present)
    }
}
