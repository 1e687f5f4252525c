//! [`Lane`]: own purges of one manner, from when they wait until the log has them for good.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::fleet::record::{Purged, Record};
use crate::shared::{LogPosition, NodeId};
use crate::stamps::Manner;

/// A log that lost what it had acknowledged did so when it broke; so much later it has it for good.
pub(super) const REMEMBERED: Duration = Duration::from_secs(10);
/// One record at a time is on its way. Of those whose answer was lost nobody asks.
const MAX_EARLY: usize = 16;
/// So many names go into one record.
const MAX_NAMED: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<Waiting>,
    /// The names of those that wait.
    pub(super) named: usize,
    pub(super) sent: VecDeque<Sent>,
    /// Where records stand that the log told of before their append was answered.
    pub(super) early: VecDeque<LogPosition>,
    pub(super) again: VecDeque<Sending>,
    /// How often the log may have lost what it had.
    pub(super) breaks: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) upto: u64,
    pub(super) what: Purged,
    pub(super) manner: Manner,
}

/// A record that is to be appended.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) record: Bytes,
    pub(crate) lane: usize,
    pub(super) upto: u64,
    /// Of its lane, when it was taken.
    pub(super) breaks: u64,
    pub(super) named: usize,
    pub(super) manner: Manner,
}

#[derive(Debug)]
pub(super) struct Sent {
    pub(super) sending: Sending,
    /// Where it stands.
    pub(super) place: LogPosition,
    pub(super) at: Instant,
    /// The log has told of it.
    pub(super) told: bool,
}

impl Lane {
    pub(super) fn next(&mut self, node: NodeId, lane: usize) -> Option<Sending> {
        let Waiting {
            mut upto,
            mut what,
            mut manner,
        } = self.waiting.pop_front()?;
        self.named -= named_in(&what);
        while let (Purged::Named(named), Some(next)) = (&mut what, self.waiting.front()) {
            let Purged::Named(others) = &next.what else {
                break;
            };
            if named.len() + others.len() > MAX_NAMED {
                break;
            }
            named.extend_from_slice(others);
            self.named -= others.len();
            // Their windows begin at the first.
            manner = earlier(manner, next.manner);
            upto = next.upto;
            self.waiting.pop_front();
        }
        let record = Record {
            node,
            upto,
            manner,
            what,
        };
        let breaks = self.breaks;
        Some(Sending {
            breaks,
            ..Sending::new(&record, lane)
        })
    }

    /// Where the log takes records and does not tell of them, too many become a purge of everything, to
    /// be appended should it have lost them.
    pub(super) fn limit_untold(&mut self, node: NodeId, max_named: usize) {
        let untold = || self.sent.iter().filter(|sent| !sent.told);
        let named: usize = untold().map(|sent| sent.sending.named).sum();
        let manner = untold().map(|sent| sent.sending.manner).reduce(earlier);
        // What was appended again stands behind what was made later.
        let last = untold().max_by_key(|sent| sent.sending.upto);
        let (Some(last), Some(manner)) = (last, manner) else {
            return;
        };
        if named <= max_named {
            return;
        }
        let record = Record {
            node,
            upto: last.sending.upto,
            manner,
            what: Purged::Everything,
        };
        let all = Sent {
            sending: Sending::new(&record, last.sending.lane),
            // The log tells of none of them, of all that it has.
            place: LogPosition::START,
            at: untold().map(|sent| sent.at).max().unwrap_or(last.at),
            told: false,
        };
        self.sent.retain(|sent| sent.told);
        self.sent.push_back(all);
    }

    pub(super) fn next_again(&mut self) -> Option<Sending> {
        let sending = self.again.pop_front()?;
        let breaks = self.breaks;
        Some(Sending { breaks, ..sending })
    }

    pub(super) fn appended(&mut self, sending: Sending, place: LogPosition) {
        let told = self.early.contains(&place);
        self.early.retain(|early| *early != place);
        if sending.breaks != self.breaks {
            self.again.push_back(sending);
            return;
        }
        self.sent.push_back(Sent {
            sending,
            place,
            at: Instant::now(),
            told,
        });
    }

    /// All that waits becomes a purge of everything.
    pub(super) fn collapse(&mut self) {
        let all = mem::take(&mut self.waiting);
        let manner = all.iter().map(|one| one.manner).reduce(earlier);
        if let (Some(last), Some(manner)) = (all.back(), manner) {
            self.waiting.push_back(Waiting {
                upto: last.upto,
                what: Purged::Everything,
                manner,
            });
        }
        self.named = self.waiting.iter().map(|one| named_in(&one.what)).sum();
    }

    pub(super) fn told(&mut self, place: LogPosition) {
        let mut sent = self.sent.iter_mut();
        if let Some(sent) = sent.find(|sent| sent.place == place) {
            sent.told = true;
            return;
        }
        self.early.push_back(place);
        if self.early.len() > MAX_EARLY {
            self.early.pop_front();
        }
    }

    /// Returns how many were lost. What was told of is forgotten here and nowhere else: as long as nothing is
    /// heard, the log may have broken at any time since.
    pub(super) fn heard(&mut self, begun: Instant) -> usize {
        let sent = mem::take(&mut self.sent);
        let is_lost = |sent: &Sent| !sent.told && sent.at < begun;
        let (lost, sent): (VecDeque<_>, _) = sent.into_iter().partition(is_lost);
        self.sent = sent;
        let kept = |sent: &Sent| !sent.told || begun.duration_since(sent.at) < REMEMBERED;
        self.sent.retain(kept);
        let count = lost.len();
        self.again.extend(lost.into_iter().map(|sent| sent.sending));
        count
    }
}

impl Sending {
    pub(super) fn new(record: &Record, lane: usize) -> Self {
        Self {
            record: record.encode(),
            lane,
            upto: record.upto,
            breaks: 0,
            named: named_in(&record.what),
            manner: record.manner,
        }
    }
}

pub(super) fn named_in(what: &Purged) -> usize {
    match what {
        Purged::Everything => 1,
        Purged::Named(named) => named.len(),
    }
}

pub(super) fn earlier(one: Manner, other: Manner) -> Manner {
    match (one, other) {
        (Manner::Soft(one), Manner::Soft(other)) => Manner::Soft(one.min(other)),
        _ => one,
    }
}
