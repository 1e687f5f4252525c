//! [`Outbox`]: own purges on their way into the log. None is lost for want of a connection: they wait, and
//! what is too much for waiting becomes a purge of everything.

use std::mem;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

mod lane;

pub(crate) use self::lane::Sending;
use self::lane::{Lane, Waiting, named_in};
use super::order::LANES;
use super::record::Purged;
use crate::shared::{LogPosition, NodeId};
use crate::shim::{Mutex, lock};
use crate::stamps::Manner;

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

#[cfg(test)]
mod tests;
