//! What is known of a body that is arriving: its pieces, its readers, its end.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use slab::Slab;

use crate::body_error::{BodyError, TooSlow};
use crate::buffer::budget::Reservation;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) pieces: VecDeque<Piece>,
    pub(crate) arrived: u64,
    pub(crate) whole: bool,
    /// The pump has stopped, since nobody read.
    pub(crate) closed: bool,
    pub(crate) end: Option<End>,
    pub(crate) readers: Slab<Place>,
    pub(crate) pump: Option<Waker>,
    pub(crate) reservation: Reservation,
}

#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) data: Bytes,
    /// How many of its bytes are reserved of the budget.
    pub(crate) reserved: u64,
}

impl Piece {
    pub(crate) fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

#[derive(Debug)]
pub(crate) enum End {
    Clean(Option<HeaderMap>),
    Failed(BodyError),
}

/// Where a reader is.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) waker: Option<Waker>,
    /// It held back the others for too long.
    pub(crate) cut: bool,
}

impl State {
    /// Those who have not been cut off.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Place> {
        let places = self.readers.iter().map(|(_, place)| place);
        places.filter(|place| !place.cut)
    }

    /// Where the slowest reader is.
    pub(crate) fn slowest(&self) -> u64 {
        let offsets = self.active().map(|place| place.offset);
        offsets.min().unwrap_or(self.arrived)
    }

    /// The slowest reader is so far behind that nothing more is put in.
    pub(crate) fn is_full(&self) -> bool {
        let behind = self.arrived - self.slowest();
        let unreserved = |piece: &Piece| piece.reserved < piece.data.len() as u64;
        let within = self.pieces.back().is_none_or(|last| !unreserved(last));
        !self.whole && behind > 0 && (behind >= WINDOW_BYTES || !within)
    }

    pub(crate) fn overflow(&mut self) {
        self.whole = false;
        // The pump is the one who says so: it need not be woken.
        let _ = self.let_go();
    }

    /// Lets go of what all have read, if it is not to be kept. The pump may have room now.
    pub(crate) fn let_go(&mut self) -> Option<Waker> {
        if self.whole {
            return None;
        }
        let slowest = self.slowest();
        while let Some(read) = self.pieces.pop_front_if(|piece| piece.end() <= slowest) {
            self.reservation.shrink(read.reserved);
        }
        self.pump.take()
    }

    pub(crate) fn waiting(&mut self) -> Vec<Waker> {
        let places = self.readers.iter_mut();
        places.filter_map(|(_, place)| place.waker.take()).collect()
    }

    /// The rest of the piece in which this byte is.
    pub(crate) fn from(&self, offset: u64) -> Option<Bytes> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        let skipped = usize::try_from(offset - piece.start).ok()?;
        (skipped < piece.data.len()).then(|| piece.data.slice(skipped..))
    }

    /// A piece costs more than a few bytes to keep: many small ones become one.
    pub(crate) fn merge_small(&mut self) {
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

pub(crate) type Next = Option<Result<Frame<Bytes>, BodyError>>;

/// What a reader found, and a pump that may go on because of it.
pub(crate) struct Found {
    pub(crate) next: Next,
    pub(crate) pump: Option<Waker>,
}

impl Found {
    pub(crate) fn end(next: Next) -> Self {
        Self { next, pump: None }
    }

    pub(crate) fn hand_on(self) -> Next {
        self.pump.into_iter().for_each(Waker::wake);
        self.next
    }
}

impl State {
    /// What comes next for a reader; `ended` is set with what nothing comes after.
    pub(crate) fn find(&mut self, reader: usize, ended: &mut bool) -> Option<Found> {
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
    pub(crate) fn left(&self, reader: usize) -> u64 {
        let place = self.readers.get(reader);
        place.map_or(0, |place| self.arrived - place.offset)
    }

    /// A reader has read on. The pump may have room now.
    pub(crate) fn advance(&mut self, reader: usize, bytes: u64) -> Option<Waker> {
        let place = self.readers.get_mut(reader)?;
        place.offset += bytes;
        self.let_go()
    }

    pub(crate) fn wait(&mut self, reader: usize, new: &Waker) {
        if let Some(place) = self.readers.get_mut(reader) {
            match &mut place.waker {
                Some(waker) => waker.clone_from(new),
                None => place.waker = Some(new.clone()),
            }
        }
    }
}

/// How far the pump runs ahead of the slowest reader of a body that is not kept.
pub(crate) const WINDOW_BYTES: u64 = 256 << 10;

/// Below this, what it takes to keep a piece is worth more than a copy.
const SMALL_BYTES: usize = 1024;
/// So many small pieces in a row become one.
const MERGED_PIECES: usize = 64;
