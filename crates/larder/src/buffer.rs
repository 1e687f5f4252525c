//! A response body as it arrives, and those who read it.
//!
//! One pump puts pieces in, any number of readers take copies of them out, each from its own place.
//! As long as the body may still be stored, the buffer is **whole**: it keeps everything from the
//! first byte, the pump waits for nobody, and readers may join. A body that grows past a limit is
//! whole no longer: nobody joins, what all have read is let go, and the pump keeps at most
//! [`WINDOW_BYTES`] ahead of the slowest reader. What it holds counts in the budget as before; where
//! that has no room the pump puts in a piece when everybody has read the last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use slab::Slab;

use crate::body_error::{BodyError, TooSlow};
use crate::budget::Reservation;
use crate::shim::{Mutex, lock};

/// How far the pump runs ahead of the slowest reader of a body that is not kept.
pub(crate) const WINDOW_BYTES: u64 = 256 << 10;

#[derive(Debug)]
pub(crate) struct Buffer {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pieces: VecDeque<Piece>,
    arrived: u64,
    whole: bool,
    /// The pump has stopped, since nobody read.
    closed: bool,
    end: Option<End>,
    readers: Slab<Place>,
    pump: Option<Waker>,
    reservation: Reservation,
}

#[derive(Debug)]
struct Piece {
    start: u64,
    data: Bytes,
    /// How many of its bytes are reserved of the budget.
    reserved: u64,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

#[derive(Debug)]
enum End {
    Clean(Option<HeaderMap>),
    Failed(BodyError),
}

/// Where a reader is.
#[derive(Debug, Default)]
struct Place {
    offset: u64,
    waker: Option<Waker>,
    /// It held back the others for too long.
    cut: bool,
}

/// What the pump is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nobody reads.
    Deserted,
    Go,
}

/// The pump's side.
impl Buffer {
    /// An empty buffer, and its first reader.
    pub(crate) fn new(reservation: Reservation) -> (Arc<Self>, Reader) {
        let mut readers = Slab::new();
        let place = readers.insert(Place::default());
        let state = State {
            pieces: VecDeque::new(),
            arrived: 0,
            whole: true,
            closed: false,
            end: None,
            readers,
            pump: None,
            reservation,
        };
        let buffer = Arc::new(Self {
            state: Mutex::new(state),
        });
        let reader = Reader {
            buffer: Arc::clone(&buffer),
            place,
            ended: false,
        };
        (buffer, reader)
    }

    /// Takes the next piece. `false`: the budget does not allow to keep it, so the buffer is no
    /// longer whole; its readers get it all the same.
    pub(crate) fn push(&self, data: Bytes) -> bool {
        if data.is_empty() {
            return true;
        }
        let mut state = lock(&self.state);
        let bytes = data.len() as u64;
        let fits = state.reservation.grow(bytes);
        let kept = fits || !state.whole;
        if !kept {
            state.overflow();
        }
        let start = state.arrived;
        state.arrived += bytes;
        state.pieces.push_back(Piece {
            start,
            data,
            reserved: if fits { bytes } else { 0 },
        });
        state.merge_small();
        let woken = state.waiting();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        kept
    }

    /// The body will not be kept: what all have read is let go from here on.
    pub(crate) fn overflow(&self) {
        lock(&self.state).overflow();
    }

    /// Whether the pump may put in more. Also wakes the pump when the last reader leaves.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<Room> {
        let mut state = lock(&self.state);
        state.pump = Some(cx.waker().clone());
        if state.active().next().is_none() {
            return Poll::Ready(Room::Deserted);
        }
        if state.is_full() {
            return Poll::Pending;
        }
        Poll::Ready(Room::Go)
    }

    /// Lets nobody begin to read any more. `false`: somebody has.
    pub(crate) fn close(&self) -> bool {
        let mut state = lock(&self.state);
        let deserted = state.active().next().is_none();
        state.closed = deserted;
        deserted
    }

    /// Everything that arrived, in pieces.
    pub(crate) fn pieces(&self) -> Vec<Bytes> {
        let state = lock(&self.state);
        state
            .pieces
            .iter()
            .map(|piece| piece.data.clone())
            .collect()
    }

    /// The body is stored, and this is all of it: readers go on from there, and the pieces are let
    /// go.
    pub(crate) fn stored(&self, whole: Bytes) {
        let mut state = lock(&self.state);
        let pieces = std::mem::take(&mut state.pieces);
        state.arrived = whole.len() as u64;
        if !whole.is_empty() {
            let data = whole;
            state.pieces.push_back(Piece {
                start: 0,
                data,
                reserved: 0,
            });
        }
        state.reservation.release();
        let woken = state.waiting();
        drop(state);
        drop(pieces);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn end(&self, trailers: Option<HeaderMap>) {
        self.end_with(End::Clean(trailers));
    }

    pub(crate) fn fail(&self, error: BodyError) {
        self.end_with(End::Failed(error));
    }

    /// The first end counts.
    fn end_with(&self, end: End) {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        let woken = state.waiting();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Cuts off readers who hold back others: those who are so far behind that there is no room,
    /// while somebody waits for more.
    pub(crate) fn cut_slowest(&self) {
        let mut state = lock(&self.state);
        let (arrived, slowest) = (state.arrived, state.slowest());
        let somebody_waits = state.active().any(|place| place.offset == arrived);
        if !state.is_full() || !somebody_waits {
            return;
        }
        let mut woken = Vec::new();
        for (_, place) in &mut state.readers {
            if place.offset == slowest {
                place.cut = true;
                woken.extend(place.waker.take());
            }
        }
        woken.extend(state.let_go());
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Bytes that have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        lock(&self.state).arrived
    }

    /// A reader from the first byte; `None` when the buffer no longer has it, or the body broke
    /// off or will.
    pub(crate) fn read(self: &Arc<Self>) -> Option<Reader> {
        let mut state = lock(&self.state);
        if !state.whole || state.closed || matches!(state.end, Some(End::Failed(_))) {
            return None;
        }
        let place = state.readers.insert(Place::default());
        drop(state);
        Some(Reader {
            buffer: Arc::clone(self),
            place,
            ended: false,
        })
    }
}

impl State {
    /// Those who have not been cut off.
    fn active(&self) -> impl Iterator<Item = &Place> {
        let places = self.readers.iter().map(|(_, place)| place);
        places.filter(|place| !place.cut)
    }

    /// Where the slowest reader is.
    fn slowest(&self) -> u64 {
        let offsets = self.active().map(|place| place.offset);
        offsets.min().unwrap_or(self.arrived)
    }

    /// The slowest reader is so far behind that nothing more is put in.
    fn is_full(&self) -> bool {
        let behind = self.arrived - self.slowest();
        let unreserved = |piece: &Piece| piece.reserved < piece.data.len() as u64;
        let within = self.pieces.back().is_none_or(|last| !unreserved(last));
        !self.whole && behind > 0 && (behind >= WINDOW_BYTES || !within)
    }

    fn overflow(&mut self) {
        self.whole = false;
        // The pump is the one who says so: it need not be woken.
        let _ = self.let_go();
    }

    /// Lets go of what all have read, if it is not to be kept. The pump may have room now.
    fn let_go(&mut self) -> Option<Waker> {
        if self.whole {
            return None;
        }
        let slowest = self.slowest();
        while let Some(read) = self.pieces.pop_front_if(|piece| piece.end() <= slowest) {
            self.reservation.shrink(read.reserved);
        }
        self.pump.take()
    }

    fn waiting(&mut self) -> Vec<Waker> {
        let places = self.readers.iter_mut();
        places.filter_map(|(_, place)| place.waker.take()).collect()
    }

    /// The rest of the piece in which this byte is.
    fn from(&self, offset: u64) -> Option<Bytes> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        let skipped = usize::try_from(offset - piece.start).ok()?;
        (skipped < piece.data.len()).then(|| piece.data.slice(skipped..))
    }

    /// A piece costs more than a few bytes to keep: many small ones become one.
    fn merge_small(&mut self) {
        let small = |piece: &&Piece| piece.data.len() < SMALL_BYTES;
        let run = self.pieces.iter().rev().take_while(small).count();
        if run < MERGED_PIECES {
            return;
        }
        let few = self.pieces.split_off(self.pieces.len() - run);
        let start = few.front().map_or(self.arrived, |piece| piece.start);
        let mut data = BytesMut::with_capacity(few.iter().map(|piece| piece.data.len()).sum());
        few.iter()
            .for_each(|piece| data.extend_from_slice(&piece.data));
        let reserved = few.iter().map(|piece| piece.reserved).sum();
        self.pieces.push_back(Piece {
            start,
            data: data.freeze(),
            reserved,
        });
    }
}

/// One that reads the body from its first byte, at its own pace.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: Arc<Buffer>,
    place: usize,
    /// Trailers or an error have been handed on: nothing comes after them.
    ended: bool,
}

impl Reader {
    /// The next frame, or `None` after the last.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Next> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut state = lock(&self.buffer.state);
        let found = state.find(self.place, &mut self.ended);
        if found.is_none() {
            state.wait(self.place, cx.waker());
        }
        drop(state);
        found.map_or(Poll::Pending, |found| Poll::Ready(found.hand_on()))
    }

    /// The next frame if it is there, without waiting for it.
    pub(crate) fn take_next(&mut self) -> Option<Next> {
        if self.ended {
            return Some(None);
        }
        let found = lock(&self.buffer.state).find(self.place, &mut self.ended);
        found.map(Found::hand_on)
    }

    /// Waits, without reading, until the body has ended. `false`: it will not be kept.
    pub(crate) fn poll_ended(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.buffer.state);
        match state.end {
            _ if !state.whole => Poll::Ready(false),
            Some(End::Failed(_)) => Poll::Ready(false),
            Some(End::Clean(_)) => Poll::Ready(true),
            None => {
                state.wait(self.place, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Nothing comes any more.
    pub(crate) fn is_at_end(&self) -> bool {
        let state = lock(&self.buffer.state);
        let bare = matches!(state.end, Some(End::Clean(None)));
        self.ended || (bare && state.left(self.place) == 0)
    }

    /// Bytes still to be read, when so many are expected in all. A server takes an exact length for
    /// leave to send no trailers.
    pub(crate) fn size_hint(&self, expected: Option<u64>) -> SizeHint {
        let state = lock(&self.buffer.state);
        let left = state.left(self.place);
        let expected = expected.map(|bytes| bytes.saturating_sub(state.arrived - left));
        let exact = match &state.end {
            Some(End::Clean(None)) => Some(left),
            Some(End::Clean(Some(_))) => None,
            Some(End::Failed(_)) | None => expected,
        };
        let mut hint = SizeHint::new();
        hint.set_lower(left);
        if let Some(exact) = exact {
            hint = SizeHint::with_exact(exact);
        }
        hint
    }
}

pub(crate) type Next = Option<Result<Frame<Bytes>, BodyError>>;

/// What a reader found, and a pump that may go on because of it.
struct Found {
    next: Next,
    pump: Option<Waker>,
}

impl Found {
    fn end(next: Next) -> Self {
        Self { next, pump: None }
    }

    fn hand_on(self) -> Next {
        self.pump.into_iter().for_each(Waker::wake);
        self.next
    }
}

impl State {
    /// What comes next for a reader; `ended` is set with what nothing comes after.
    fn find(&mut self, reader: usize, ended: &mut bool) -> Option<Found> {
        let place = self.readers.get(reader)?;
        if place.cut {
            *ended = true;
            return Some(Found::end(Some(Err(BodyError::new(TooSlow)))));
        }
        if let Some(data) = self.from(place.offset) {
            let pump = self.advance(reader, data.len() as u64);
            let next = Some(Ok(Frame::data(data)));
            return Some(Found { next, pump });
        }
        let last = match self.end.as_ref()? {
            End::Clean(trailers) => trailers.clone().map(|fields| Ok(Frame::trailers(fields))),
            End::Failed(error) => Some(Err(error.clone())),
        };
        *ended = true;
        Some(Found::end(last))
    }

    /// Bytes that have arrived and that a reader has not read.
    fn left(&self, reader: usize) -> u64 {
        let place = self.readers.get(reader);
        place.map_or(0, |place| self.arrived - place.offset)
    }

    /// A reader has read on. The pump may have room now.
    fn advance(&mut self, reader: usize, bytes: u64) -> Option<Waker> {
        let place = self.readers.get_mut(reader)?;
        place.offset += bytes;
        self.let_go()
    }

    fn wait(&mut self, reader: usize, new: &Waker) {
        if let Some(place) = self.readers.get_mut(reader) {
            match &mut place.waker {
                Some(waker) => waker.clone_from(new),
                None => place.waker = Some(new.clone()),
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = lock(&self.buffer.state);
        state.readers.try_remove(self.place);
        let pump = if state.readers.is_empty() {
            state.pump.take()
        } else {
            state.let_go()
        };
        drop(state);
        pump.into_iter().for_each(Waker::wake);
    }
}

/// Below this, what it takes to keep a piece is worth more than a copy.
const SMALL_BYTES: usize = 1024;
/// So many small pieces in a row become one.
const MERGED_PIECES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    fn buffer() -> (Arc<Buffer>, Reader) {
        Buffer::new(Arc::new(Budget::new(1000)).open())
    }

    #[test]
    fn who_begins_to_read_before_the_pump_stops_keeps_it_going() {
        let (buffer, first) = buffer();
        assert!(!buffer.close());
        drop(first);
        let second = buffer.read();
        assert!(second.is_some() && !buffer.close());
        drop(second);
        assert!(buffer.close());
        assert!(buffer.read().is_none());
    }
}
