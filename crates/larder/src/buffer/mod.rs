//! A response body as it arrives, and those who read it.
//!
//! One pump puts pieces in, any number of readers take copies of them out, each from its own place.
//! As long as the body may still be stored, the buffer is **whole**: it keeps everything from the
//! first byte, the pump waits for nobody, and readers may join. A body that grows past a limit is
//! whole no longer: nobody joins, what all have read is let go, and the pump keeps at most
//! [`WINDOW_BYTES`](state::WINDOW_BYTES) ahead of the slowest reader. What it holds counts in the
//! budget as before; where that has no room the pump puts in a piece when everybody has read the
//! last.

pub(crate) mod budget;
pub(crate) mod engine;
pub(crate) mod reader;
pub(crate) mod state;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use slab::Slab;

use crate::body_error::BodyError;
use crate::buffer::budget::Reservation;
use crate::buffer::reader::Reader;
use crate::buffer::state::{End, Piece, Place, State};
use crate::shim::{Mutex, lock};

/// The pump's side.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    state: Arc<Mutex<State>>,
}

/// What the pump is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nobody reads.
    Deserted,
    Go,
}

impl Buffer {
    /// An empty buffer, and its first reader.
    pub(crate) fn new(reservation: Reservation) -> (Self, Reader) {
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
        let state = Arc::new(Mutex::new(state));
        let reader = Reader::new(Arc::clone(&state), place);
        (Self { state }, reader)
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
    pub(crate) fn read(&self) -> Option<Reader> {
        let mut state = lock(&self.state);
        if !state.whole || state.closed || matches!(state.end, Some(End::Failed(_))) {
            return None;
        }
        let place = state.readers.insert(Place::default());
        drop(state);
        Some(Reader::new(Arc::clone(&self.state), place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::budget::Budget;

    fn buffer() -> (Buffer, Reader) {
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
