//! A fill: a response body on its way into the store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_policy::key::MethodClass;
use larder_policy::{SkipReason, StoredHead};

use crate::cache::{Cache, Placed};
use crate::entry::{Birth, Coming, Entry};
use crate::errand::{Came, Errand};
use crate::fleet::HeldLease;
use crate::record::Record;
use crate::stamps::Hold;
use crate::trace;
use crate::tripwire::Watch;

/// Counts the body of a response that may be stored. It is published once, after a clean end of body
/// whose length is the one that was announced; dropped before that, nothing is stored.
#[derive(Debug)]
pub(crate) struct Fill {
    cache: Cache,
    key: Arc<[u8]>,
    birth: Birth,
    head: Option<Box<StoredHead>>,
    bytes: u64,
    announced: Option<u64>,
    /// Whose place the response takes.
    supersedes: Option<Arc<Entry>>,
    /// Searches the body for what gives its caller away.
    watch: Option<Box<Watch>>,
    record: Option<Arc<Record>>,
    coming: Coming,
    /// Who wants to know what comes of it.
    errand: Option<Errand>,
    /// It is fetched for all nodes.
    lease: Option<HeldLease>,
    /// How long after it expired others may have a use for it.
    windows: Duration,
    /// Purges since it began are not forgotten.
    _hold: Hold,
}

impl Fill {
    /// `announced` is the length that the response's head gives its body.
    pub(crate) fn new(
        cache: Cache,
        key: Arc<[u8]>,
        birth: Birth,
        head: Box<StoredHead>,
        announced: Option<u64>,
        hold: Hold,
    ) -> Self {
        Self {
            cache,
            key,
            birth,
            head: Some(head),
            bytes: 0,
            announced,
            supersedes: None,
            watch: None,
            record: None,
            coming: Coming::Fetched,
            errand: None,
            lease: None,
            windows: Duration::ZERO,
            _hold: hold,
        }
    }

    /// The response takes the place of this one, which stays until then.
    pub(crate) fn supersede(&mut self, entry: Arc<Entry>) {
        self.supersedes = Some(entry);
    }

    /// Nobody but its client is to have anything of the response before all of it was searched.
    pub(crate) fn seal(&mut self, watch: Box<Watch>) {
        self.watch = Some(watch);
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.watch.is_some()
    }

    /// How long after it expired others may have a use for it.
    pub(crate) fn set_windows(&mut self, windows: Duration) {
        self.windows = windows;
    }

    /// What to check it by.
    pub(crate) fn set_record(&mut self, record: Option<Arc<Record>>) {
        self.record = record;
    }

    /// The application puts it there.
    pub(crate) fn set_coming(&mut self, coming: Coming) {
        self.coming = coming;
    }

    /// Who wants to know what comes of it.
    pub(crate) fn set_errand(&mut self, errand: Option<Errand>) {
        self.errand = errand;
    }

    /// It is fetched for all nodes.
    pub(crate) fn set_lease(&mut self, lease: Option<HeldLease>) {
        self.lease = lease;
    }

    /// The head that is to be stored, as long as it is.
    pub(crate) fn head(&self) -> Option<&StoredHead> {
        self.head.as_deref()
    }

    pub(crate) fn birth(&self) -> &Birth {
        &self.birth
    }

    /// Counts the next piece of the body. `Err` says why the response will not be stored after all.
    pub(crate) fn count(&mut self, data: &Bytes) -> Result<(), SkipReason> {
        self.bytes += data.len() as u64;
        if self.bytes > self.cache.shared().limits.max_body_bytes {
            return Err(SkipReason::BodyTooLarge);
        }
        if self
            .announced
            .is_some_and(|announced| self.bytes > announced)
        {
            return Err(SkipReason::BodyIncomplete);
        }
        if self
            .watch
            .as_mut()
            .is_some_and(|watch| watch.finds_in(data))
        {
            return Err(SkipReason::Tripwire);
        }
        Ok(())
    }

    /// As many bytes as announced have come; a well-behaved body has no more.
    pub(crate) fn is_full(&self) -> bool {
        self.announced == Some(self.bytes)
    }

    /// Whether a body that ends here has the length that was announced.
    fn agrees(&self) -> bool {
        let of_head = self
            .head
            .as_ref()
            .is_some_and(|head| head.class() == MethodClass::Head);
        of_head
            || self
                .announced
                .is_none_or(|announced| announced == self.bytes)
    }

    /// The body ended cleanly, and this is it. `Err` says why the response is not stored after all.
    pub(crate) fn publish(self, body: Bytes) -> Result<Arc<Entry>, SkipReason> {
        self.place(body).map(|(entry, _)| entry)
    }

    /// The same, and whether it stands in the store: something more recent may.
    pub(crate) fn place(mut self, body: Bytes) -> Result<(Arc<Entry>, bool), SkipReason> {
        let reason = if !self.agrees() {
            Some(SkipReason::BodyIncomplete)
        } else if self
            .watch
            .as_mut()
            .is_some_and(|watch| watch.finds_at_end())
        {
            Some(SkipReason::Tripwire)
        } else {
            None
        };
        let head = self.head.take();
        let (None, Some(mut head)) = (reason, head) else {
            let reason = reason.unwrap_or(SkipReason::BodyIncomplete);
            self.discarded(reason);
            return Err(reason);
        };
        head.complete(body.len() as u64);
        let fill_time = self
            .cache
            .shared()
            .clock
            .now()
            .duration_since(self.birth.time);
        let entry = Entry::new(
            *head,
            body,
            self.birth.clone(),
            fill_time.unwrap_or_default(),
        );
        let entry = Arc::new(
            entry
                .packed(&self.cache.shared().templates)
                .with_record(self.record.take())
                .with_coming(self.coming),
        );
        let key = Arc::clone(&self.key);
        let placed = self.cache.store(key, &entry, self.supersedes.as_ref());
        if placed == Placed::Dead {
            self.discarded(SkipReason::Invalidated);
            return Err(SkipReason::Invalidated);
        }
        let stands = placed == Placed::Stands;
        if stands {
            self.cache
                .share(&self.key, &entry, self.lease.take(), self.windows);
        }
        // What is fetched counts as stored also where it came late: those who wait may have it.
        if stands || self.coming == Coming::Fetched {
            trace::stored(&self.cache, self.bytes);
        }
        if let Some(errand) = &self.errand {
            let now = self.cache.shared().clock.now();
            errand.kept(entry.serving(now), now, true);
        }
        Ok((entry, stands))
    }

    fn discarded(&self, reason: SkipReason) {
        trace::discarded(&self.cache, reason);
        if let Some(errand) = &self.errand {
            errand.note(Came::NotKept(reason));
        }
    }

    /// Gives up: nothing is stored.
    pub(crate) fn discard(mut self, reason: SkipReason) {
        self.head = None;
        self.discarded(reason);
        // The next response will be no smaller.
        if reason == SkipReason::BodyTooLarge {
            if let Some(old) = &self.supersedes {
                self.cache.forget(&self.key, old);
            }
            if let Some(lease) = self.lease.take() {
                lease.alone(self.cache.shared().marks.lasts());
            }
        }
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        if self.head.take().is_some() {
            self.discarded(SkipReason::BodyIncomplete);
        }
    }
}

/// The body as one piece of about its length: a piece as it came may be a small part of a large
/// buffer. One that nobody else holds and that fills its buffer is taken as it is; all else is
/// copied once.
pub(crate) fn join(mut pieces: Vec<Bytes>) -> Bytes {
    let bytes: usize = pieces.iter().map(Bytes::len).sum();
    let mut body = match (pieces.pop(), &*pieces) {
        (Some(only), []) => Vec::from(only),
        (last, _) => {
            let mut body = Vec::with_capacity(bytes);
            for piece in pieces.iter().chain(&last) {
                body.extend_from_slice(piece);
            }
            body
        }
    };
    if body.capacity() > bytes + bytes / 8 {
        body.shrink_to_fit();
    }
    Bytes::from(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_join_in_order() {
        let piece = |at: u8, length| Bytes::from(vec![at; length]);
        let pieces: Vec<Bytes> = [(0, 3), (1, 5000), (2, 1), (3, 0), (4, 1024)]
            .map(|(at, length)| piece(at, length))
            .into();
        let whole: Vec<u8> = pieces.iter().flatten().copied().collect();
        assert_eq!(join(pieces), whole);
        assert!(join(Vec::new()).is_empty());
    }

    #[test]
    fn piece_that_fills_its_buffer_is_not_copied_and_another_is() {
        let own = Bytes::from(vec![7; 5000]);
        let place = own.as_ptr();
        assert_eq!(join(vec![own]).as_ptr(), place);

        let part = join(vec![Bytes::from(vec![7; 5000]).slice(4900..)]);
        assert_eq!(part, vec![7; 100]);
        assert!(part.try_into_mut().is_ok_and(|own| own.capacity() < 200));

        let shared = Bytes::from(vec![7; 5000]);
        let other = shared.clone();
        assert_ne!(join(vec![shared]).as_ptr(), other.as_ptr());
    }
}
