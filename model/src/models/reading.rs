//! Readers that compare what they get with what is known of the body.

use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ETAG, HeaderValue};
use http_body::Frame;

use super::story::{End, Story};
use crate::body_error::TooSlow;
use crate::buffer::Buffer;
use crate::buffer::engine::{Engine, Led};
use crate::buffer::reader::Reader;
use crate::buffer::state::Next;
use crate::chance::linger;
use crate::runtime::Planned;
use crate::schedules::seen;

/// A body that can be joined, as the core's `Stream`.
pub(super) struct Stream {
    pub(super) story: Arc<Story>,
    pub(super) buffer: Buffer,
    pub(super) engine: Weak<Engine>,
}

impl Stream {
    /// One more reads it. `None`: its start is gone, or it broke off.
    pub(super) fn join(&self) -> Option<Reading> {
        let mut reading = Reading::noted(&self.story);
        let before = self.story.note(|notes| notes.overflowed);
        let reader = self.buffer.read();
        if let Some(engine) = self.engine.upgrade()
            && reader.is_some()
        {
            engine.detach();
        }
        let Some(reader) = reader else {
            let refuses = self.story.note(|notes| notes.refuses());
            assert!(refuses, "refused although it was whole");
            seen("refused");
            return None;
        };
        assert!(!before, "joined after the overflow");
        seen("joined");
        reading.source = Some(Source::Shared(reader));
        Some(reading)
    }
}

enum Source {
    Led(Led),
    Shared(Reader),
}

/// What a reader got in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Cut,
    Failed,
    Whole,
}

pub(super) struct Reading {
    story: Arc<Story>,
    source: Option<Source>,
    serial: usize,
    at: u64,
    trailers: bool,
}

impl Reading {
    pub(super) fn led(story: &Arc<Story>, led: Led) -> Self {
        let mut reading = Self::noted(story);
        reading.source = Some(Source::Led(led));
        reading
    }

    pub(super) fn first(story: &Arc<Story>, reader: Reader) -> Self {
        let mut reading = Self::noted(story);
        reading.source = Some(Source::Shared(reader));
        reading
    }

    fn noted(story: &Arc<Story>) -> Self {
        let serial = story.note(|notes| {
            notes.places.push(Some(0));
            notes.places.len() - 1
        });
        Self {
            story: Arc::clone(story),
            source: None,
            serial,
            at: 0,
            trailers: false,
        }
    }

    /// Reads to the end, with pauses.
    pub(super) async fn read_all(mut self, pause: usize) -> Outcome {
        loop {
            if let Some(outcome) = poll_fn(|cx| self.poll(cx)).await {
                return outcome;
            }
            linger(pause).await;
        }
    }

    /// Asks once, with a waker that is not the one to wake later.
    pub(super) fn glance(&mut self) -> Poll<Option<Outcome>> {
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Reads one frame. `None`: there may be more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        self.next(cx).map(|next| self.take(next))
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match self.source.as_mut().expect("it has not left") {
            Source::Shared(reader) => reader.poll_next(cx),
            Source::Led(led) => {
                let polled = panic::catch_unwind(AssertUnwindSafe(|| led.poll_next(cx)));
                polled.unwrap_or_else(|payload| {
                    assert!(payload.is::<Planned>(), "the pump failed");
                    seen("panicked for its client");
                    led.poll_next(cx)
                })
            }
        }
    }

    fn take(&mut self, next: Next) -> Option<Outcome> {
        let (arrived, end) = self.story.note(|notes| (notes.arrived, notes.end));
        let outcome = match next {
            None => {
                let clean = if self.trailers {
                    End::Trailers
                } else {
                    End::Clean
                };
                assert_eq!(end, Some(clean), "an end out of nowhere");
                assert_eq!(self.at, arrived, "an end before the last byte");
                Outcome::Whole
            }
            Some(Ok(frame)) => {
                self.take_frame(frame, arrived, end);
                return None;
            }
            Some(Err(error)) if error.get_ref().is::<TooSlow>() => {
                let (cuts, overflows) = self.story.note(|notes| (notes.cuts, notes.overflows));
                assert!(cuts && overflows, "cut for no reason");
                seen("cut");
                Outcome::Cut
            }
            Some(Err(_)) => {
                assert_eq!(end, Some(End::Failed), "an error out of nowhere");
                assert!(!self.story.note(|notes| notes.closes), "left alone");
                assert_eq!(self.at, arrived, "an error before the last byte");
                seen("failed");
                Outcome::Failed
            }
        };
        let after = self.next(&mut Context::from_waker(Waker::noop()));
        assert!(
            matches!(after, Poll::Ready(None)),
            "something after the end"
        );
        Some(outcome)
    }

    fn take_frame(&mut self, frame: Frame<Bytes>, arrived: u64, end: Option<End>) {
        assert!(!self.trailers, "something after the trailers");
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                assert_eq!(frame.into_trailers().ok(), Some(trailers()));
                assert_eq!(end, Some(End::Trailers), "trailers out of nowhere");
                assert_eq!(self.at, arrived, "trailers before the last byte");
                seen("trailers");
                self.trailers = true;
                return;
            }
        };
        let bytes = data.len() as u64;
        assert!(bytes > 0 && self.at + bytes <= arrived, "more than arrived");
        // Not `assert_eq`: nobody wants to read the bytes.
        assert!(data == self.story.content(self.at, bytes), "other bytes");
        self.at += bytes;
        self.stands_at(Some(self.at));
        if let Some(reader) = self.reader() {
            let left = reader.size_hint(None).lower();
            assert!(self.at + left <= self.story.note(|notes| notes.arrived));
        }
    }

    fn reader(&self) -> Option<&Reader> {
        match self.source.as_ref()? {
            Source::Led(led) => led.reader(),
            Source::Shared(reader) => Some(reader),
        }
    }

    /// Waits, at its start, for the end of the body, to answer with a part of the whole.
    pub(super) async fn wait(&self) -> bool {
        let reader = self.reader().expect("it has not left");
        let whole = poll_fn(|cx| reader.poll_ended(cx)).await;
        let (arrived, overflows, end) = self
            .story
            .note(|notes| (notes.arrived, notes.overflows, notes.end));
        if whole {
            assert!(matches!(end, Some(End::Clean | End::Trailers)), "no end");
            assert_eq!(reader.size_hint(None).lower(), arrived);
            assert_eq!(reader.is_at_end(), arrived == 0 && end == Some(End::Clean));
            seen("waited for the whole");
        } else {
            assert!(overflows || end == Some(End::Failed), "it was whole");
            seen("waited in vain");
        }
        whole
    }

    /// It has been cut off, and does not know: it counts no more.
    pub(super) fn is_cut(&mut self) {
        self.stands_at(None);
    }

    fn stands_at(&self, place: Option<u64>) {
        self.story.note(|notes| notes.places[self.serial] = place);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        drop(self.source.take());
        self.stands_at(None);
    }
}

pub(super) fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"v\""))])
}
