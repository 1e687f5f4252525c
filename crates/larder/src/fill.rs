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
    body: Vec<u8>,
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
        let room = announced
            .unwrap_or(0)
            .min(cache.shared().limits.max_body_bytes);
        let body = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        Self {
            cache,
            key,
            birth,
            head: Some(head),
            body,
            announced,
        }
    }

    /// Takes the next piece of the body. `Err` says why the response will not be stored after all.
    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), SkipReason> {
        let bytes = self.body.len() as u64 + data.len() as u64;
        if bytes > self.cache.shared().limits.max_body_bytes {
            return Err(SkipReason::BodyTooLarge);
        }
        if self.announced.is_some_and(|announced| bytes > announced) {
            return Err(SkipReason::BodyIncomplete);
        }
        self.body.extend_from_slice(data);
        Ok(())
    }

    /// As many bytes as announced have come; a well-behaved body has no more.
    pub(crate) fn is_full(&self) -> bool {
        self.announced == Some(self.body.len() as u64)
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
        let bytes = self.body.len() as u64;
        let agrees = head.class() == MethodClass::Head
            || self.announced.is_none_or(|announced| announced == bytes);
        if !agrees {
            trace::discarded(&self.cache, SkipReason::BodyIncomplete);
            return;
        }
        head.complete(bytes);
        let body = Bytes::from(std::mem::take(&mut self.body).into_boxed_slice());
        let entry = Entry::new(*head, body, self.birth);
        if self.cache.store(Box::from(&*self.key), entry) {
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
        if self.is_full() && !self.body.is_empty() {
            self.publish();
        } else {
            self.head = None;
            trace::discarded(&self.cache, SkipReason::BodyIncomplete);
        }
    }
}
