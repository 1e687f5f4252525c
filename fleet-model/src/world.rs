//! [`World`]: all nodes, the log, the store and what is on its way.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::advance;

use crate::counts::Counts;
use crate::entry::Frame;
use crate::journal::Journal;
use crate::mistake::Mistake;
use crate::node::{Limits, Node, Sender};
use crate::truth::Truth;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) mistake: Mistake,
    pub(crate) limits: Limits,
    pub(crate) truth: Truth,
    pub(crate) journal: Journal,
    pub(crate) shelf: BTreeMap<usize, Frame>,
    /// That of a failover.
    pub(crate) old_shelf: BTreeMap<usize, Frame>,
    /// Responses on their way into the store, whether or not their node is still there.
    pub(crate) wire: Vec<Frame>,
    pub(crate) nodes: Vec<Node>,
    next_node: u64,
    /// How much goes wrong.
    pub(crate) trouble: u32,
    /// What goes wrong most often.
    pub(crate) favourite: u8,
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

    /// What matters, for who looks at a schedule.
    pub(crate) fn picture(&self) -> String {
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

    pub(crate) fn replicate(&mut self) {
        self.journal.replicate(&self.truth);
        self.old_shelf = self.shelf.clone();
    }
}
