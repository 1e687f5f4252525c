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
/// One record at a time is on its way. Of those whose answer was lost nobody asks.
const MAX_EARLY: usize = 16;
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
    /// Where records stand that the log told of before their append was answered.
    early: VecDeque<LogPosition>,
    again: VecDeque<Sending>,
    /// How often the log may have lost what it had.
    breaks: u64,
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
    /// Of its lane, when it was taken.
    breaks: u64,
    named: usize,
    manner: Manner,
}

#[derive(Debug)]
struct Sent {
    sending: Sending,
    /// Where it stands.
    place: LogPosition,
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
        let again = lanes.iter_mut().find_map(Lane::next_again);
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

    /// The log has it. What was on its way while the log broke it may have lost again.
    pub(crate) fn appended(&self, sending: Sending, at: LogPosition) {
        let (lane, upto) = (sending.lane, sending.upto);
        if let Some(lane) = lock(&self.lanes).get_mut(lane) {
            lane.appended(sending, at);
            lane.limit_untold(self.node, self.max_waiting);
        }
        self.acknowledged.send_modify(|lanes| {
            if let Some(known) = lanes.get_mut(lane) {
                known.upto = known.upto.max(upto);
                known.at = known.at.max(at);
            }
        });
    }

    /// The log told of an own record, that stands at a position. Of others nothing follows: a later one may
    /// be there that was appended after an earlier one was lost.
    pub(crate) fn told(&self, lane: usize, place: LogPosition) {
        if let Some(lane) = lock(&self.lanes).get_mut(lane) {
            lane.told(place);
        }
    }

    /// The log was read to its end, by a read that began at a moment. What it acknowledged before that and
    /// has not told of it has lost: it is appended again.
    pub(crate) fn heard(&self, begun: Instant) {
        let mut lanes = lock(&self.lanes);
        let lost: usize = lanes.iter_mut().map(|lane| lane.heard(begun)).sum();
        drop(lanes);
        if lost > 0 {
            self.wake.notify_one();
        }
    }

    /// The log may have lost what it had: what it told of lately, or never, is appended again.
    pub(crate) fn send_again(&self) {
        let mut lanes = lock(&self.lanes);
        for lane in lanes.iter_mut() {
            let sent = mem::take(&mut lane.sent);
            lane.again.extend(sent.into_iter().map(|sent| sent.sending));
            lane.breaks += 1;
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
        let breaks = self.breaks;
        Some(Sending {
            breaks,
            ..Sending::new(&record, lane)
        })
    }

    /// Where the log takes records and does not tell of them, too many become a purge of everything, to
    /// be appended should it have lost them.
    fn limit_untold(&mut self, node: NodeId, max_named: usize) {
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

    fn next_again(&mut self) -> Option<Sending> {
        let sending = self.again.pop_front()?;
        let breaks = self.breaks;
        Some(Sending { breaks, ..sending })
    }

    fn appended(&mut self, sending: Sending, place: LogPosition) {
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

    fn told(&mut self, place: LogPosition) {
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
    fn heard(&mut self, begun: Instant) -> usize {
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
    fn new(record: &Record, lane: usize) -> Self {
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

    fn at(millis: u64) -> LogPosition {
        LogPosition::new(millis, 0)
    }

    fn sent(outbox: &Outbox) -> Vec<Record> {
        send(outbox, 1)
    }

    /// Appends all that waits, the first at this position.
    fn send(outbox: &Outbox, mut place: u64) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some(sending) = outbox.next() {
            records.push(Record::decode(&sending.record).unwrap());
            outbox.appended(sending, at(place));
            place += 1;
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

    fn uptos(sent: &[Record]) -> Vec<u64> {
        sent.iter().map(|sent| sent.upto).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_told_of_lately_or_never_is_sent_again() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        send(&outbox, 10);
        outbox.push(2, named(2..3), Manner::Hard);
        send(&outbox, 20);
        outbox.told(HARD, at(10));
        outbox.send_again();
        assert_eq!(uptos(&send(&outbox, 30)), [1, 2]);
        outbox.told(HARD, at(30));
        tokio::time::advance(REMEMBERED).await;
        outbox.heard(Instant::now());
        outbox.send_again();
        assert_eq!(uptos(&send(&outbox, 40)), [2]);
    }

    /// It was forgotten after a while, though nothing was heard of the log for as long.
    #[tokio::test(start_paused = true)]
    async fn what_the_log_told_of_before_it_fell_silent_is_sent_again_however_long_that_takes() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        send(&outbox, 10);
        outbox.told(HARD, at(10));
        outbox.heard(Instant::now());
        tokio::time::advance(100 * REMEMBERED).await;
        outbox.send_again();
        assert_eq!(uptos(&send(&outbox, 20)), [1]);
    }

    /// A log may lose its end without a connection being lost: such a record was waited for for ever.
    #[tokio::test(start_paused = true)]
    async fn what_the_log_has_and_does_not_tell_of_is_appended_again() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        send(&outbox, 10);
        // This read may have begun before the record was there.
        outbox.heard(Instant::now());
        assert_eq!(uptos(&send(&outbox, 20)), []);
        tokio::time::advance(Duration::from_millis(1)).await;
        outbox.heard(Instant::now());
        assert_eq!(uptos(&send(&outbox, 20)), [1]);
    }

    /// All before it counted as told, too.
    #[tokio::test(start_paused = true)]
    async fn a_lost_record_is_appended_again_though_the_log_tells_of_a_later_one() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        send(&outbox, 10);
        outbox.push(2, named(2..3), Manner::Hard);
        send(&outbox, 20);
        outbox.told(HARD, at(20));
        tokio::time::advance(Duration::from_millis(1)).await;
        outbox.heard(Instant::now());
        assert_eq!(uptos(&send(&outbox, 30)), [1]);
    }

    /// It counted as told, for the log had told of it before it broke.
    #[tokio::test(start_paused = true)]
    async fn what_is_answered_after_the_log_broke_is_appended_again() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        let sending = outbox.next().unwrap();
        outbox.told(HARD, at(10));
        outbox.send_again();
        outbox.appended(sending, at(10));
        assert_eq!(uptos(&send(&outbox, 20)), [1]);
        assert_eq!(uptos(&send(&outbox, 30)), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_tells_of_before_it_answers_is_not_lost() {
        let outbox = Outbox::new(NODE, 100);
        outbox.push(1, named(1..2), Manner::Hard);
        let sending = outbox.next().unwrap();
        outbox.told(HARD, at(10));
        outbox.appended(sending, at(10));
        tokio::time::advance(Duration::from_millis(1)).await;
        outbox.heard(Instant::now());
        assert_eq!(uptos(&send(&outbox, 20)), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_took_and_does_not_tell_of_is_not_kept_without_end() {
        let outbox = Outbox::new(NODE, 10);
        for number in 1..=100 {
            outbox.push(
                number,
                named(number..number + 1),
                Manner::Soft(500 - number),
            );
            assert_eq!(sent(&outbox).len(), 1);
        }
        assert!(lock(&outbox.lanes)[SOFT].sent.len() <= 11);
        outbox.send_again();
        let again = sent(&outbox);
        assert_eq!(again[0].what, Purged::Everything);
        assert!(matches!(again[0].manner, Manner::Soft(since) if since <= 410));
        assert_eq!(again.last().unwrap().upto, 100);
    }

    /// It told of no more than the one that was appended last, which may have been made first.
    #[tokio::test(start_paused = true)]
    async fn a_purge_of_everything_stands_for_all_that_it_was_made_of() {
        let outbox = Outbox::new(NODE, 2);
        outbox.push(1, named(1..3), Manner::Hard);
        send(&outbox, 10);
        tokio::time::advance(Duration::from_millis(1)).await;
        outbox.push(2, named(3..4), Manner::Hard);
        let second = outbox.next().unwrap();
        outbox.heard(Instant::now());
        outbox.appended(second, at(20));
        assert_eq!(uptos(&send(&outbox, 30)), [1]);
        outbox.send_again();
        let all = send(&outbox, 40);
        assert_eq!((&all[0].what, all[0].upto), (&Purged::Everything, 2));
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
