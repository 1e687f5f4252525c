//! [`Outbox`]: own purges on their way into the log. None is lost for want of a connection: they wait, and
//! what is too much for waiting becomes a purge of everything.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::order::LANES;
use super::record::{Purged, Record};
use crate::shared::{LogPosition, NodeId};
use crate::shim::{Mutex, lock};
use crate::stamps::Manner;

/// A log that lost what it had acknowledged did so when it broke; so much later it has it for good.
const REMEMBERED: Duration = Duration::from_secs(10);
/// So many names go into one record.
const MAX_NAMED: usize = 256;

pub(crate) const HARD: usize = 0;
pub(crate) const SOFT: usize = 1;

pub(crate) fn lane_of(manner: Manner) -> usize {
    match manner {
        Manner::Hard => HARD,
        Manner::Soft(_) => SOFT,
    }
}

#[derive(Debug)]
pub(crate) struct Outbox {
    node: NodeId,
    max_waiting: usize,
    lanes: Mutex<[Lane; LANES]>,
    /// There is something to be sent.
    pub(crate) wake: Notify,
    acknowledged: watch::Sender<[Acknowledged; LANES]>,
}

/// Up to which of its purges of a manner the log has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) upto: u64,
    /// Not before the record of the last of them.
    pub(crate) at: LogPosition,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    /// The names of those that wait.
    named: usize,
    sent: VecDeque<Sent>,
    again: VecDeque<Sending>,
}

#[derive(Debug)]
struct Waiting {
    upto: u64,
    what: Purged,
    manner: Manner,
}

/// A record that is to be appended.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) record: Bytes,
    pub(crate) lane: usize,
    upto: u64,
}

#[derive(Debug)]
struct Sent {
    sending: Sending,
    at: Instant,
    /// The log has told of it.
    told: bool,
}

impl Outbox {
    pub(crate) fn new(node: NodeId, max_waiting: usize) -> Self {
        Self {
            node,
            max_waiting: max_waiting.max(1),
            lanes: Mutex::default(),
            wake: Notify::new(),
            acknowledged: watch::Sender::default(),
        }
    }

    /// A purge, that is the `number`th of its manner, is to be appended.
    pub(crate) fn push(&self, number: u64, what: Purged, manner: Manner) {
        let mut lanes = lock(&self.lanes);
        let [hard, soft] = &mut *lanes;
        let lane = match manner {
            Manner::Hard => hard,
            Manner::Soft(_) => soft,
        };
        lane.named += named_in(&what);
        lane.waiting.push_back(Waiting {
            upto: number,
            what,
            manner,
        });
        if lane.named > self.max_waiting {
            lane.collapse();
        }
        drop(lanes);
        self.wake.notify_one();
    }

    /// The next record to be appended, of all that waits of one manner.
    pub(crate) fn next(&self) -> Option<Sending> {
        let mut lanes = lock(&self.lanes);
        let again = lanes.iter_mut().find_map(|lane| lane.again.pop_front());
        again.or_else(|| {
            let mut lanes = lanes.iter_mut().enumerate();
            lanes.find_map(|(at, lane)| lane.next(self.node, at))
        })
    }

    /// The log did not take it.
    pub(crate) fn put_back(&self, sending: Sending) {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get_mut(sending.lane) {
            lane.again.push_front(sending);
        }
    }

    /// The log has it.
    pub(crate) fn appended(&self, sending: Sending, at: LogPosition) {
        let (lane, upto) = (sending.lane, sending.upto);
        let now = Instant::now();
        if let Some(lane) = lock(&self.lanes).get_mut(lane) {
            lane.forget(now);
            lane.sent.push_back(Sent {
                sending,
                at: now,
                told: false,
            });
        }
        self.acknowledged.send_modify(|lanes| {
            if let Some(known) = lanes.get_mut(lane) {
                known.upto = known.upto.max(upto);
                known.at = known.at.max(at);
            }
        });
    }

    /// The log told of own purges up to a number.
    pub(crate) fn told(&self, lane: usize, upto: u64) {
        if let Some(lane) = lock(&self.lanes).get_mut(lane) {
            let of_it = |sent: &&mut Sent| sent.sending.upto <= upto;
            let sent = lane.sent.iter_mut();
            sent.filter(of_it).for_each(|sent| sent.told = true);
            lane.forget(Instant::now());
        }
    }

    /// The log may have lost what it had: what it told of lately, or never, is appended again.
    pub(crate) fn send_again(&self) {
        let mut lanes = lock(&self.lanes);
        for lane in lanes.iter_mut() {
            lane.forget(Instant::now());
            let sent = mem::take(&mut lane.sent);
            lane.again.extend(sent.into_iter().map(|sent| sent.sending));
        }
        drop(lanes);
        self.wake.notify_one();
    }

    pub(crate) fn acknowledged(&self) -> watch::Receiver<[Acknowledged; LANES]> {
        self.acknowledged.subscribe()
    }

    /// How many purges wait to be appended.
    pub(crate) fn len(&self) -> usize {
        let lanes = lock(&self.lanes);
        let waiting = |lane: &Lane| lane.waiting.len() + lane.again.len();
        lanes.iter().map(waiting).sum()
    }
}

impl Lane {
    fn next(&mut self, node: NodeId, lane: usize) -> Option<Sending> {
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
        Some(Sending {
            record: record.encode(),
            lane,
            upto,
        })
    }

    /// All that waits becomes a purge of everything.
    fn collapse(&mut self) {
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

    fn forget(&mut self, now: Instant) {
        let kept = |sent: &Sent| !sent.told || now.duration_since(sent.at) < REMEMBERED;
        self.sent.retain(kept);
    }
}

fn named_in(what: &Purged) -> usize {
    match what {
        Purged::Everything => 1,
        Purged::Named(named) => named.len(),
    }
}

fn earlier(one: Manner, other: Manner) -> Manner {
    match (one, other) {
        (Manner::Soft(one), Manner::Soft(other)) => Manner::Soft(one.min(other)),
        _ => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamps::Named;

    const NODE: NodeId = NodeId::from_bits(7);

    fn named(names: std::ops::Range<u64>) -> Purged {
        Purged::Named(names.map(Named::One).collect())
    }

    fn sent(outbox: &Outbox) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some(sending) = outbox.next() {
            records.push(Record::decode(&sending.record).unwrap());
            outbox.appended(sending, LogPosition::new(records.len() as u64, 0));
        }
        records
    }

    #[tokio::test(start_paused = true)]
    async fn purges_that_wait_are_appended_together_and_each_manner_by_itself() {
        let outbox = Outbox::new(NODE, 1000);
        outbox.push(1, named(1..3), Manner::Hard);
        outbox.push(1, named(5..6), Manner::Soft(90));
        outbox.push(2, named(3..4), Manner::Hard);
        outbox.push(2, named(6..7), Manner::Soft(80));
        let records = sent(&outbox);
        assert_eq!(records.len(), 2);
        assert_eq!((records[0].upto, &records[0].what), (2, &named(1..4)));
        assert_eq!((records[1].upto, &records[1].what), (2, &named(5..7)));
        assert_eq!(records[1].manner, Manner::Soft(80));
        let acknowledged = *outbox.acknowledged().borrow();
        assert_eq!(acknowledged.map(|lane| lane.upto), [2, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_may_wait_becomes_a_purge_of_everything() {
        let outbox = Outbox::new(NODE, 10);
        for number in 1..=100 {
            outbox.push(number, named(number..number + 1), Manner::Hard);
        }
        let records = sent(&outbox);
        assert_eq!(records[0].what, Purged::Everything);
        assert_eq!(records.last().unwrap().upto, 100);
        let names: usize = records.iter().map(|record| named_in(&record.what)).sum();
        assert!(names <= 11, "{names}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_told_of_lately_or_never_is_sent_again() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        assert_eq!(sent(&outbox).len(), 1);
        outbox.push(2, named(2..3), Manner::Hard);
        assert_eq!(sent(&outbox).len(), 1);
        outbox.told(HARD, 1);
        outbox.send_again();
        assert_eq!(
            sent(&outbox)
                .iter()
                .map(|sent| sent.upto)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        tokio::time::advance(REMEMBERED).await;
        outbox.told(HARD, 1);
        outbox.send_again();
        assert_eq!(
            sent(&outbox)
                .iter()
                .map(|sent| sent.upto)
                .collect::<Vec<_>>(),
            [2]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_did_not_take_is_first_again() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        let first = outbox.next().unwrap();
        outbox.push(2, named(2..3), Manner::Hard);
        outbox.put_back(first);
        assert_eq!(
            sent(&outbox)
                .iter()
                .map(|sent| sent.upto)
                .collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
