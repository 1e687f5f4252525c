//! [`Node`]: a process with a cache. What it decides it decides with the core's own types, in the order in
//! which the core does (`Fleet` there).

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use crate::entry::{Birth, Entry};
use crate::fleet::order::Order;
use crate::fleet::outbox::{Outbox, Sending};
use crate::fleet::trust::Trust;
use crate::flight::Flight;
use crate::follower::Follower;
use crate::mistake::Mistake;
use crate::shared::{LogPosition, NodeId};
use crate::sight::Sight;
use crate::stamps::{Life, Stamps};
use crate::truth::{Known, Truth};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mistake: Mistake,
    pub(crate) id: NodeId,
    pub(crate) stamps: Stamps,
    pub(crate) order: Order,
    /// The same without its own purges, for those who make that mistake.
    pub(crate) ignorant: Order,
    pub(crate) outbox: Outbox,
    pub(crate) trust: Trust,
    /// What others see as applied.
    pub(crate) applied: LogPosition,
    pub(crate) is_ready: bool,
    pub(crate) memory: BTreeMap<usize, Rc<Entry>>,
    pub(crate) flights: Vec<Flight>,
    pub(crate) puts: VecDeque<Rc<Entry>>,
    pub(crate) follower: Follower,
    pub(crate) broke: bool,
    pub(crate) sender: Sender,
    pub(crate) log_up: bool,
    pub(crate) store_up: bool,
    /// The purges that it applied.
    pub(crate) known: Known,
    /// Of its clock, in milliseconds.
    pub(crate) skew: i64,
}

/// What became of the record that is being appended.
#[derive(Debug, Default)]
pub(crate) enum Sender {
    #[default]
    Idle,
    Asked(Sending),
    Answered(Sending, LogPosition),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bound: u64,
    pub(crate) max_known: usize,
    pub(crate) max_queued: usize,
    pub(crate) max_records: u64,
}

impl Node {
    pub(crate) fn new(id: u64, skew: i64, limits: Limits, mistake: Mistake) -> Self {
        let window = match mistake {
            Mistake::Trustful => Duration::from_secs(1_000_000),
            _ => Duration::from_millis(limits.bound),
        };
        let id = NodeId::from_bits(id);
        Self {
            mistake,
            id,
            stamps: Stamps::lasting(limits.max_records),
            order: Order::new(limits.max_known),
            ignorant: Order::new(limits.max_known),
            outbox: Outbox::new(id, limits.max_queued),
            trust: Trust::new(window),
            applied: LogPosition::START,
            is_ready: false,
            memory: BTreeMap::new(),
            flights: Vec::new(),
            puts: VecDeque::new(),
            follower: Follower::Idle,
            broke: false,
            sender: Sender::Idle,
            log_up: true,
            store_up: true,
            known: Known::default(),
            skew,
        }
    }

    /// What is known now: the position first.
    pub(crate) fn birth(&self, truth: &Truth) -> Birth {
        let position = match self.is_ready {
            true => self.applied,
            false => LogPosition::START,
        };
        Birth {
            local: self.stamps.position(),
            sight: Sight {
                position,
                moment: self.trust.now(),
            },
            wall: (truth.now as i64) + self.skew,
        }
    }

    pub(crate) fn life(&self, entry: &Entry, truth: &Truth) -> Life {
        if self.mistake == Mistake::WallClocks {
            return match truth.is_past_by_clock(entry, self.known) {
                true => Life::Dead,
                false => Life::Live,
            };
        }
        self.stamps.life(&entry.names, &entry.seen)
    }

    pub(crate) fn is_live(&self, entry: &Entry, truth: &Truth) -> bool {
        self.life(entry, truth) != Life::Dead
    }

    /// Alive, not stale, and trusted.
    pub(crate) fn is_fresh(&self, entry: &Entry, truth: &Truth) -> bool {
        self.life(entry, truth) == Life::Live
            && self.trust.lapsed(entry.birth.sight.moment).is_none()
    }

    pub(crate) fn local(&self, born: LogPosition) -> Option<u64> {
        match self.mistake {
            Mistake::OwnPendingIgnored => self.ignorant.local(born, self.stamps.position()),
            _ => self.order.local(born, self.stamps.position()),
        }
    }

    /// Sees to it that what is remembered of purges does not grow without end.
    pub(crate) fn settle(&mut self, truth: &Truth) {
        if !self.stamps.is_full() && !self.stamps.asks_for_sweep() {
            return;
        }
        let Some(sweep) = self.stamps.begin_sweep() else {
            return;
        };
        let stored = self.memory.len() as u64;
        let dead = |entry: &Rc<Entry>| !self.is_live(entry, truth);
        let dead: Vec<_> = self.memory.values().filter(|entry| dead(entry)).collect();
        let dead: Vec<usize> = dead.iter().map(|entry| entry.key).collect();
        sweep.end(stored);
        dead.iter().for_each(|key| {
            self.memory.remove(key);
        });
    }

    /// Takes the place of what stands there, unless that is more recent.
    pub(crate) fn store(&mut self, entry: &Rc<Entry>, truth: &Truth) -> bool {
        if !self.is_live(entry, truth) {
            return false;
        }
        if let Some(old) = self.memory.get(&entry.key) {
            let current = |entry| self.life(entry, truth) == Life::Live;
            let (old_current, new_current) = (current(old), current(entry));
            let newer = old.birth.local > entry.birth.local;
            let spared = old_current && !new_current;
            if spared || (newer && old_current == new_current) {
                return false;
            }
        }
        self.memory.insert(entry.key, Rc::clone(entry));
        true
    }
}
