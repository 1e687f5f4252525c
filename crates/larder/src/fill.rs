//! A fill: a response body on its way into the store while its client reads it.

use std::sync::Arc;

use bytes::Bytes;
use larder_policy::key::MethodClass;
use larder_policy::{SkipReason, StoredHead};

use crate::cache::Cache;
use crate::entry::{Birth, Entry};
use crate::trace;

/// Collects the body of a response that may be stored. It is published once, after a clean end of
/// body whose length is the one that was announced; dropped before that, nothing is stored.
#[derive(Debug)]
pub(crate) struct Fill {
    cache: Cache,
    key: Arc<[u8]>,
    birth: Birth,
    head: Option<Box<StoredHead>>,
    body: Pieces,
    announced: Option<u64>,
}

impl Fill {
    /// `announced` is the length that the response's head gives its body.
    pub(crate) fn new(
        cache: Cache,
        key: Arc<[u8]>,
        birth: Birth,
        head: Box<StoredHead>,
        announced: Option<u64>,
    ) -> Self {
        Self {
            cache,
            key,
            birth,
            head: Some(head),
            body: Pieces::default(),
            announced,
        }
    }

    /// Takes the next piece of the body. `Err` says why the response will not be stored after all.
    pub(crate) fn push(&mut self, data: &Bytes) -> Result<(), SkipReason> {
        let bytes = self.body.bytes as u64 + data.len() as u64;
        if bytes > self.cache.shared().limits.max_body_bytes {
            return Err(SkipReason::BodyTooLarge);
        }
        if self.announced.is_some_and(|announced| bytes > announced) {
            return Err(SkipReason::BodyIncomplete);
        }
        self.body.push(data);
        Ok(())
    }

    /// As many bytes as announced have come; a well-behaved body has no more.
    pub(crate) fn is_full(&self) -> bool {
        self.announced == Some(self.body.bytes as u64)
    }

    /// The body ended cleanly.
    pub(crate) fn finish(mut self) {
        self.publish();
    }

    /// Gives up: nothing is stored.
    pub(crate) fn discard(mut self, reason: SkipReason) {
        self.head = None;
        trace::discarded(&self.cache, reason);
    }

    fn publish(&mut self) {
        let Some(mut head) = self.head.take() else {
            return;
        };
        let bytes = self.body.bytes as u64;
        let agrees = head.class() == MethodClass::Head
            || self.announced.is_none_or(|announced| announced == bytes);
        if !agrees {
            trace::discarded(&self.cache, SkipReason::BodyIncomplete);
            return;
        }
        head.complete(bytes);
        let entry = Entry::new(*head, self.body.join(), self.birth);
        if self.cache.store(Arc::clone(&self.key), entry) {
            trace::stored(&self.cache, bytes);
        } else {
            trace::discarded(&self.cache, SkipReason::Invalidated);
        }
    }
}

impl Drop for Fill {
    /// Servers stop reading a body once its announced length is out, without asking for the end:
    /// that is a complete message (RFC 9112 section 6.3). Anything else dropped here is half a body,
    /// or one that nobody asked for its first byte.
    fn drop(&mut self) {
        if self.head.is_none() {
            return;
        }
        if self.is_full() && self.body.bytes > 0 {
            self.publish();
        } else {
            self.head = None;
            trace::discarded(&self.cache, SkipReason::BodyIncomplete);
        }
    }
}

/// A body in the pieces it came in. It is copied once, when its length is known: a buffer that grows
/// copies what it holds again and again, and one as large as announced is memory on a promise.
#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<Bytes>,
    /// Pieces too small to be kept as they are, behind the others.
    small: Vec<u8>,
    bytes: usize,
}

impl Pieces {
    fn push(&mut self, data: &Bytes) {
        self.bytes += data.len();
        if data.len() < SMALL_BYTES {
            self.small.extend_from_slice(data);
        } else {
            self.close_small();
            self.pieces.push(data.clone());
        }
    }

    /// The body as one piece of exactly its length: a piece as it came may be a small part of a large
    /// buffer.
    fn join(&mut self) -> Bytes {
        self.close_small();
        let mut body = Vec::with_capacity(self.bytes);
        for piece in self.pieces.drain(..) {
            body.extend_from_slice(&piece);
        }
        Bytes::from(body)
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces
                .push(Bytes::from(std::mem::take(&mut self.small)));
        }
    }
}

/// Below this, what it takes to keep a piece by reference is worth more than the copy.
const SMALL_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_join_in_order() {
        let mut pieces = Pieces::default();
        let mut whole = Vec::new();
        for (at, length) in [3, 5000, 1, 0, 7, 1024, 1023].into_iter().enumerate() {
            let piece = vec![u8::try_from(at).unwrap(); length];
            whole.extend_from_slice(&piece);
            pieces.push(&Bytes::from(piece));
        }
        assert_eq!(pieces.bytes, whole.len());
        assert_eq!(pieces.join(), whole);
    }

    #[test]
    fn no_pieces_are_an_empty_body() {
        assert!(Pieces::default().join().is_empty());
    }
}
