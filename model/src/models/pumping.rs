//! The pump's part: puts a body into a buffer, as the core's pump does.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread::panicking;

use bytes::Bytes;

use super::feed::Feed;
use super::plan::{LARGEST, Plan};
use super::reading::{Stream, trailers};
use super::story::{End, Story};
use crate::body_error::{BodyError, Lost};
use crate::buffer::budget::Budget;
use crate::buffer::state::WINDOW_BYTES;
use crate::buffer::{Buffer, Room};
use crate::chance::one_in;
use crate::runtime::{Handle, panic_as_planned};
use crate::schedules::seen;

/// Who wants a body to be kept. Dropped when it is not to be kept any more.
pub(super) trait Keeper: Send + Sync {
    /// Whether it is to be kept although nobody reads it.
    fn goes_on(&self) -> bool;

    /// The whole body. `false`: it could not be kept.
    fn publish(&self, body: Bytes) -> bool;

    /// Why it is not kept.
    fn give_up(&self, reason: &'static str);
}

/// A buffer that is being filled. Dropped before its end, it leaves nobody waiting.
pub(super) struct Pumping {
    story: Arc<Story>,
    buffer: Buffer,
    /// Present as long as the body is to be kept.
    keeper: Option<Box<dyn Keeper>>,
    plan: Plan,
    feed: Arc<Feed>,
    /// Where nobody else reserves anything, and how much may be.
    budget: Option<(Arc<Budget>, u64)>,
    arrived: u64,
    pushed: usize,
    ended: bool,
}

impl Pumping {
    pub(super) fn new(
        stream: &Stream,
        keeper: impl Keeper + 'static,
        plan: Plan,
        runtime: &Handle,
    ) -> Self {
        // The end comes too.
        let frames = plan.pieces.len() + usize::from(!plan.silent);
        Self {
            story: Arc::clone(&stream.story),
            buffer: stream.buffer.clone(),
            keeper: Some(Box::new(keeper)),
            plan,
            feed: Feed::start(runtime, frames),
            budget: None,
            arrived: 0,
            pushed: 0,
            ended: false,
        }
    }

    /// Nobody else reserves anything in this budget.
    pub(super) fn within(mut self, budget: &Arc<Budget>, limit: u64) -> Self {
        self.budget = Some((Arc::clone(budget), limit));
        self
    }

    pub(super) async fn run(mut self) {
        let last = self.plan.pieces.len().checked_sub(1).filter(|_| one_in(2));
        for (index, bytes) in self.plan.pieces.clone().into_iter().enumerate() {
            let bounded = self.keeper.is_none();
            if !poll_fn(|cx| self.poll_next(cx)).await {
                return;
            }
            if self.plan.failure == Some(index) {
                return self.fail();
            }
            if self.plan.panic == Some(index) {
                if let Some(keeper) = &self.keeper {
                    keeper.give_up("body panicked");
                }
                panic_as_planned();
            }
            if self.plan.overflow == Some(index) {
                self.overflow();
            }
            if last == Some(index) && self.keeper.is_some() {
                return self.end(bytes);
            }
            self.push(bytes);
            if bounded {
                self.audit_window(bytes);
            }
        }
        if poll_fn(|cx| self.poll_next(cx)).await {
            self.end(0);
        }
    }

    /// `false`: nobody wants what comes next.
    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<bool> {
        let read = self.story.note(|notes| notes.slowest().is_some());
        let room = self.buffer.poll_room(cx);
        let joinable = self.keeper.is_some();
        let deserted = room == Poll::Ready(Room::Deserted);
        assert!(read || joinable || deserted, "read by nobody");
        if room.is_pending() {
            seen("no room");
        }
        match ready!(room) {
            Room::Deserted if self.stops() => Poll::Ready(false),
            Room::Deserted | Room::Go => self.feed.poll_next(cx).map(|()| true),
        }
    }

    /// Nobody reads. Unless the body is to be kept all the same, nobody may begin to any more.
    fn stops(&mut self) -> bool {
        seen("deserted");
        if self.keeper.as_ref().is_some_and(|keeper| keeper.goes_on()) {
            return false;
        }
        self.story.note(|notes| notes.closes = true);
        let closed = self.buffer.close();
        self.story.note(|notes| notes.closes = closed);
        if closed {
            self.give_up("left by all");
        } else {
            seen("joined at the last moment");
        }
        closed
    }

    /// Whoever comes now starts anew, before those who read learn of it.
    fn fail(mut self) {
        self.give_up("body failed");
        self.story.ends(End::Failed);
        self.buffer.fail(BodyError::new("reset"));
    }

    fn give_up(&mut self, reason: &'static str) {
        if let Some(keeper) = self.keeper.take() {
            keeper.give_up(reason);
        }
    }

    fn overflow(&mut self) {
        self.give_up("too large");
        self.story.note(|notes| notes.overflows = true);
        self.buffer.overflow();
        self.story.note(|notes| notes.overflowed = true);
    }

    fn push(&mut self, bytes: u64) {
        let whole = self.keeper.is_some();
        let limit = self.budget.as_ref().map_or(u64::MAX, |(_, limit)| *limit);
        let data = self.story.content(self.arrived, bytes);
        self.arrived += bytes;
        self.pushed += 1;
        let kept = !whole || self.arrived <= limit;
        self.story.note(|notes| {
            notes.arrived += bytes;
            notes.overflows |= !kept;
        });
        assert_eq!(self.buffer.push(data), kept);
        assert_eq!(self.buffer.arrived(), self.arrived);
        if !kept {
            self.story.note(|notes| notes.overflowed = true);
            self.give_up("over budget");
        } else if whole && let Some((budget, _)) = &self.budget {
            assert_eq!(budget.reserved(), self.arrived, "reserved");
        }
    }

    /// What all have read is let go, the pump waits for the slowest, and all that is held counts.
    fn audit_window(&self, last: u64) {
        // In this order: readers go on meanwhile, and what they have read is let go.
        let slowest = self.story.note(|notes| notes.slowest());
        let pieces = self.buffer.pieces();
        let held: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if let Some((budget, limit)) = &self.budget {
            let reserved = budget.reserved();
            assert!(reserved <= held, "reserved for what is not held");
            assert!(held <= limit.saturating_add(last), "held and not reserved");
        }
        if let Some(slowest) = slowest {
            // The first piece may be read in part.
            let part = LARGEST as u64;
            assert!(
                held <= self.arrived - slowest + part,
                "read by all, and held"
            );
            assert!(
                held < WINDOW_BYTES + last + part,
                "more than a window ahead"
            );
        }
    }

    /// Ends cleanly, with so many bytes more. What is to be kept is kept before.
    fn end(mut self, bytes: u64) {
        if !self.publish(bytes) && bytes > 0 {
            self.push(bytes);
        }
        let trailing = self.plan.trailers;
        let end = if trailing { End::Trailers } else { End::Clean };
        self.story.ends(end);
        self.buffer.end(trailing.then(trailers));
        self.ended = true;
    }

    fn publish(&mut self, bytes: u64) -> bool {
        let Some(keeper) = &self.keeper else {
            return false;
        };
        let pieces = self.buffer.pieces();
        if self.pushed > 64 && pieces.len() < 64 {
            seen("merged");
        }
        assert!(
            pieces.concat() == self.story.content(0, self.arrived),
            "other bytes kept"
        );
        let body = self.story.content(0, self.arrived + bytes);
        if !keeper.publish(body.clone()) {
            return false;
        }
        self.arrived += bytes;
        self.story.note(|notes| notes.arrived += bytes);
        self.buffer.stored(body);
        if let Some((budget, _)) = &self.budget {
            assert_eq!(budget.reserved(), 0, "reserved for what is stored");
        }
        seen("stored");
        true
    }
}

impl Drop for Pumping {
    fn drop(&mut self) {
        let settled = self.keeper.take().is_none() || self.ended;
        assert!(settled || panicking(), "forgotten on the way");
        self.story.ends(End::Failed);
        self.buffer.fail(BodyError::new(Lost));
    }
}
