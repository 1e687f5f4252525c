//! What goes wrong: nodes that crash, and servers that cannot be reached, forget, or are replaced.

use crate::follower::Follower;
use crate::node::Sender;
use crate::world::World;

impl World {
    pub(crate) fn go_wrong(&mut self, at: usize, key: usize) {
        self.counts.faults += 1;
        let drawn = match self.rng.bool() {
            true => self.favourite,
            false => self.rng.u8(..20),
        };
        match drawn {
            0..4 => self.nodes[at].log_up ^= true,
            4..6 => self.nodes[at].store_up ^= true,
            6 => self.crash(at),
            7..9 => {
                self.shelf.remove(&key);
            }
            9..11 => {
                self.nodes[at].memory.remove(&key);
            }
            11..13 => {
                let keep = self.rng.usize(..4);
                self.journal.trim(keep);
            }
            13 => self.journal.forget(),
            14..16 => self.fail_over(),
            16..18 => self.replicate(),
            _ => self.journal.ahead += self.rng.i64(-3_000..2_000),
        }
    }

    fn crash(&mut self, at: usize) {
        let new = self.new_node();
        let old = std::mem::replace(&mut self.nodes[at], new);
        // What was asked may be done.
        if let (Sender::Asked(sending), true) = (&old.sender, self.rng.bool()) {
            self.journal.append(&sending.record, &mut self.truth);
        }
        self.wire.extend(old.puts.iter().map(|entry| entry.frame()));
    }

    /// Another server takes over, which has not got all. Some nodes notice.
    fn fail_over(&mut self) {
        self.journal.fail_over(&mut self.truth);
        if self.rng.bool() {
            self.shelf = self.old_shelf.clone();
        }
        for node in &mut self.nodes {
            if self.rng.bool() {
                node.broke = true;
                // What is there of an answer is applied.
                if !matches!(node.follower, Follower::Applies(..)) {
                    node.follower = Follower::Idle;
                }
                if let Sender::Asked(sending) | Sender::Answered(sending, _) =
                    std::mem::take(&mut node.sender)
                {
                    node.outbox.put_back(sending);
                }
            }
        }
    }
}
