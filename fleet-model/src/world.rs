//! [`World`]: all nodes, the log, the store and what is on its way; and what happens next.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::advance;

use crate::counts::Counts;
use crate::entry::Frame;
use crate::fleet::record::Purged;
use crate::following::Follower;
use crate::journal::Journal;
use crate::mistake::Mistake;
use crate::node::{Limits, Node, Sender};
use crate::stamps::{Manner, Named};
use crate::truth::{KEYS, MAX_PURGES, Truth};

/// The replica is no further behind, in milliseconds: what is lost was appended not long ago.
const MAX_LAG: u64 = 5_000;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) mistake: Mistake,
    pub(crate) limits: Limits,
    pub(crate) truth: Truth,
    pub(crate) journal: Journal,
    pub(crate) shelf: BTreeMap<usize, Frame>,
    /// That of a failover.
    old_shelf: BTreeMap<usize, Frame>,
    /// Responses on their way into the store, whether or not their node is still there.
    pub(crate) wire: Vec<Frame>,
    pub(crate) nodes: Vec<Node>,
    next_node: u64,
    /// How much goes wrong.
    trouble: u32,
    /// What goes wrong most often.
    favourite: u8,
    pub(crate) trace: bool,
    pub(crate) counts: Counts,
}

impl World {
    pub(crate) fn new(seed: u64, mistake: Mistake) -> Self {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits {
            bound: rng.u64(500..3_000),
            max_known: *rng.choice(&[2, 4, 100]).unwrap_or(&100),
            max_queued: *rng.choice(&[1, 3, 100]).unwrap_or(&100),
            max_records: *rng.choice(&[2, 4, 100]).unwrap_or(&100),
        };
        let nodes = rng.usize(3..=5);
        let retains = *rng.choice(&[60, 1_000]).unwrap_or(&1_000);
        let trouble = *rng.choice(&[0, 1, 3, 6]).unwrap_or(&1);
        let favourite = rng.u8(..20);
        let mut world = Self {
            rng,
            mistake,
            limits,
            truth: Truth::default(),
            journal: Journal::new(retains),
            shelf: BTreeMap::new(),
            old_shelf: BTreeMap::new(),
            wire: Vec::new(),
            nodes: Vec::new(),
            next_node: 1,
            trouble,
            favourite,
            trace: false,
            counts: Counts::default(),
        };
        for _ in 0..nodes {
            let node = world.new_node();
            world.nodes.push(node);
        }
        world
    }

    pub(crate) fn new_node(&mut self) -> Node {
        let id = self.next_node;
        self.next_node += 1;
        let skew = self.rng.i64(-1_000..1_000);
        let mut node = Node::new(id, skew, self.limits, self.mistake);
        node.log_up = self.trouble == 0 || self.rng.u8(..4) > 0;
        node
    }

    /// Whatever is next.
    pub(crate) async fn step(&mut self) -> Result<(), String> {
        let (at, key) = (self.rng.usize(..self.nodes.len()), self.rng.usize(..KEYS));
        let drawn = self.rng.u32(..100 + 2 * self.trouble);
        let before = self.trace.then(|| self.picture());
        match drawn {
            0..20 => self.request(at, key)?,
            20..42 => {
                let flight = self.rng.usize(..4);
                self.fly(at, flight)?;
            }
            42..70 => self.follow(at)?,
            70..80 => self.send(at),
            80..84 => self.put(at),
            84..88 => {
                let nth = self.rng.usize(..4);
                self.arrive(nth);
            }
            88..95 => {
                let by = self.rng.u64(1..250);
                self.pass(by).await;
            }
            95..100 => self.purge_something(at),
            _ => self.go_wrong(at, key),
        }
        if before.is_some_and(|before| before != self.picture()) {
            let (event, now) = (self.truth.event, self.truth.now);
            tell(&format!(
                "{event} {now}: {drawn} at {at} key {key}\n{}",
                self.picture()
            ));
        }
        if self.journal.lag(&self.truth) > MAX_LAG {
            self.replicate();
        }
        Ok(())
    }

    /// What matters, for who looks at a schedule.
    fn picture(&self) -> String {
        let node = |node: &Node| {
            let sender = match &node.sender {
                Sender::Idle => "-".to_owned(),
                Sender::Asked(_) => "asks".to_owned(),
                Sender::Answered(_, at) => at.to_string(),
            };
            let Node {
                id,
                applied,
                log_up,
                outbox,
                ..
            } = node;
            let waits = outbox.len();
            format!("  {id} at {applied}, connected {log_up}, {waits} wait, sends {sender}")
        };
        let nodes: Vec<_> = self.nodes.iter().map(node).collect();
        format!("  log {}\n{}", self.journal.picture(), nodes.join("\n"))
    }

    pub(crate) async fn pass(&mut self, by: u64) {
        self.truth.now += by;
        advance(Duration::from_millis(by)).await;
    }

    fn purge_something(&mut self, at: usize) {
        if self.nodes[at].follower.has_order() || self.truth.purges.len() + 2 >= MAX_PURGES {
            return;
        }
        let tags = [Truth::tag(0), Truth::tag(1)];
        let key = Truth::own_name(self.rng.usize(..KEYS));
        let what = match self.rng.u8(..12) {
            0..4 => Purged::Named(vec![Named::One(tags[0])]),
            4..6 => Purged::Named(vec![Named::One(tags[1])]),
            6..9 => Purged::Named(vec![Named::One(key)]),
            9 => Purged::Named(Named::all(tags.to_vec()).into_iter().collect()),
            10 => Purged::Named(vec![Named::One(key), Named::One(tags[1])]),
            _ => Purged::Everything,
        };
        let manner = match self.rng.u8(..3) {
            0 => Manner::Soft(1 + self.truth.now),
            _ => Manner::Hard,
        };
        self.purge(at, what, manner);
        self.counts.purges += 1;
    }

    fn replicate(&mut self) {
        self.journal.replicate(&self.truth);
        self.old_shelf = self.shelf.clone();
    }

    fn go_wrong(&mut self, at: usize, key: usize) {
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

#[expect(clippy::print_stderr, reason = "asked for")]
pub(crate) fn tell(what: &str) {
    eprintln!("{what}");
}
