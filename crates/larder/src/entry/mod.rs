//! A stored response: the head that the policy prepared and the body as one piece.

mod apart;
mod birth;
mod preparing;
mod recency;
mod trailer;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder_policy::{NanoTime, Serving, StoredHead, Template};
use once_cell::race::OnceBox;

pub(crate) use self::apart::Coming;
use self::apart::{Apart, Rare, Unpacked};
pub(crate) use self::birth::Birth;
use self::trailer::{Hashes, Trailer};
use crate::names::Names;
use crate::ready::Reads;
use crate::record::Record;
use crate::sight::Sight;
use crate::stamps::{Life, Seen, Stamps};
use crate::templates::Templates;
use crate::turns::Turns;

/// What the memory engine spends on an entry beyond the bytes it is told of.
const BOOKKEEPING_BYTES: usize = 275;

/// What an entity tag takes that is made at the first read.
const MADE_TAG_BYTES: usize = size_of::<Apart>() + 112;

/// In bytes. Copied to where the values of its head are: one piece of memory less.
const SMALL_BODY: u16 = 4096;

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) head: StoredHead,
    apart: OnceBox<Apart>,
    /// Where its fill stands in the order of purges.
    position: u64,
    begun: NanoTime,
    seen: Seen,
    /// How long the inner service took over it, in microseconds.
    fill_micros: u32,
    /// Of a body that is in the tail of its head, before its [`Trailer`], how long it is.
    tail_body: u16,
    reads: Reads,
}

impl Entry {
    pub(crate) fn new(head: StoredHead, body: Bytes, birth: Birth, fill_time: Duration) -> Self {
        let unpacked = Unpacked {
            body: Some(body),
            trailer: Some((birth.names, birth.sight)),
        };
        let apart = Apart {
            unpacked,
            ..Apart::default()
        };
        Self {
            head,
            apart: apart.boxed(),
            position: birth.position,
            begun: birth.time.into(),
            seen: Seen::new(birth.position),
            fill_micros: u32::try_from(fill_time.as_micros()).unwrap_or(u32::MAX),
            tail_body: 0,
            reads: Reads::default(),
        }
    }

    /// In as little memory as it can be: what its head has in common with others is kept once, and what
    /// is its own does not keep the buffer in which it came.
    pub(crate) fn packed(mut self, templates: &Templates) -> Self {
        let (body, names) = (self.body(), self.names());
        let small = u16::try_from(body.len()).ok();
        let small = small.filter(|length| *length <= SMALL_BODY);
        let tail = small.map_or(&[][..], |_| &*body);
        let trailer = Trailer::write(&names, self.sight());
        let share = |template: &Template| templates.shared(template);
        self.head.pack(&[tail, &trailer], share);
        self.tail_body = small.unwrap_or_default();
        let unpacked = Unpacked {
            body: small.is_none().then_some(body),
            trailer: None,
        };
        self.with_apart(|apart| apart.unpacked = unpacked)
    }

    fn with_apart(mut self, change: impl FnOnce(&mut Apart)) -> Self {
        let mut apart = self.apart.get().map(Apart::renewed).unwrap_or_default();
        change(&mut apart);
        self.apart = apart.boxed();
        self
    }

    fn rare(&self) -> Option<&Rare> {
        self.apart.get()?.rare.as_deref()
    }

    /// Cost: shares its memory.
    #[inline]
    pub(crate) fn body(&self) -> Bytes {
        match self.body_apart() {
            Some(body) => body.clone(),
            None => self.body_of(self.head.tail()),
        }
    }

    /// Of the tail of its head, or what is like it.
    fn body_of(&self, mut tail: Bytes) -> Bytes {
        tail.truncate(self.tail_body.into());
        tail
    }

    #[inline]
    fn body_apart(&self) -> Option<&Bytes> {
        self.apart.get()?.unpacked.body.as_ref()
    }

    /// The length of the body.
    #[inline]
    pub(crate) fn body_bytes(&self) -> usize {
        self.body_apart()
            .map_or_else(|| self.tail_body.into(), Bytes::len)
    }

    fn trailer_apart(&self) -> Option<&(Names, Sight)> {
        self.apart.get()?.unpacked.trailer.as_ref()
    }

    #[inline]
    fn trailer(&self) -> Trailer<'_> {
        let tail = self.head.tail_slice();
        let bytes = tail.get(self.tail_body.into()..).unwrap_or_default();
        Trailer::read(bytes)
    }

    pub(crate) fn with_coming(self, coming: Coming) -> Self {
        if coming == self.coming() {
            return self;
        }
        self.with_apart(|apart| apart.rare.get_or_insert_default().coming = coming)
    }

    fn coming(&self) -> Coming {
        self.rare().map(|rare| rare.coming).unwrap_or_default()
    }

    /// Stale since a time, by a soft purge elsewhere.
    pub(crate) fn with_stale_since(self, since: Option<SystemTime>) -> Self {
        if let Some(since) = since {
            let since = since.duration_since(SystemTime::UNIX_EPOCH);
            let millis = since.unwrap_or_default().as_millis();
            self.seen.expire(u64::try_from(millis).unwrap_or(u64::MAX));
        }
        self
    }

    pub(crate) fn with_record(self, record: Option<Arc<Record>>) -> Self {
        if record.is_none() {
            return self;
        }
        self.with_apart(|apart| apart.rare.get_or_insert_default().record = record)
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.rare()?.record.as_ref()
    }

    /// The same response under a head that says otherwise how it may be used.
    pub(crate) fn remarked(&self, head: StoredHead) -> Self {
        Self {
            seen: self.seen.clone(),
            ..self.with_head(head, self.birth())
        }
    }

    /// The same body under a new head.
    pub(crate) fn with_head(&self, head: StoredHead, birth: Birth) -> Self {
        let before = self.apart.get();
        let new = Self::new(head, self.body(), birth, self.fill_time());
        new.with_apart(|apart| {
            if let Some(before) = before {
                apart.rare.clone_from(&before.rare);
                apart.entity_tag = before.entity_tag.clone();
            }
        })
    }

    fn birth(&self) -> Birth {
        Birth {
            position: self.position,
            names: self.names(),
            time: self.begun(),
            sight: self.sight(),
        }
    }

    pub(crate) fn fill_time(&self) -> Duration {
        Duration::from_micros(self.fill_micros.into())
    }

    /// The last try to validate it failed so recently that another is not worth it.
    pub(crate) fn is_throttled(&self, now: SystemTime) -> bool {
        let apart = self.apart.get();
        apart.is_some_and(|apart| apart.turns.is_throttled(now))
    }

    /// Whose turn it is to validate.
    pub(crate) fn turns(&self) -> &Turns {
        &self.apart().turns
    }

    fn apart(&self) -> &Apart {
        self.apart.get_or_init(Box::default)
    }

    /// By what it can be purged. Cost: an allocation.
    pub(crate) fn names(&self) -> Names {
        match self.trailer_apart() {
            Some((names, _)) => names.clone(),
            None => self.trailer().names(),
        }
    }

    /// The hashes of that.
    pub(crate) fn hashes(&self) -> Hashes {
        match self.trailer_apart() {
            Some((names, _)) => Hashes::from_slice(names.hashes()),
            None => self.trailer().hashes(),
        }
    }

    /// What was known of the purges of others when its fill began.
    #[inline]
    pub(crate) fn sight(&self) -> Sight {
        match self.trailer_apart() {
            Some((_, sight)) => *sight,
            None => self.trailer().sight(),
        }
    }

    /// When its fill began.
    pub(crate) fn begun(&self) -> SystemTime {
        self.begun.get()
    }

    /// What purges made of it.
    pub(crate) fn life(&self, stamps: &Stamps) -> Life {
        stamps.life_of(|| self.hashes(), &self.seen)
    }

    pub(crate) fn is_live(&self, stamps: &Stamps) -> bool {
        self.life(stamps) != Life::Dead
    }

    /// Since when a soft purge has it stale, as far as [`life`](Self::life) found one.
    pub(crate) fn stale_since(&self) -> Option<SystemTime> {
        let since = self.seen.stale_since()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since))
    }

    /// How old it is, and how fresh; soft purges count.
    #[inline]
    pub(crate) fn serving(&self, now: impl Into<NanoTime>) -> Serving {
        let now = now.into();
        let serving = self.head.serving(now);
        match self.stale_since() {
            None => serving,
            Some(since) => serving.expired(now.get().duration_since(since).unwrap_or_default()),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let trailer = match self.trailer_apart() {
            Some((names, _)) => names.weight(),
            None => self.head.tail_slice().len() - usize::from(self.tail_body),
        };
        let apart = self.apart.get().map_or(0, Apart::weight);
        let has_slot = self.head.has_etag_slot();
        let tag = if has_slot { MADE_TAG_BYTES } else { 0 };
        self.body_bytes() + self.head.weight() + trailer + apart + tag + BOOKKEEPING_BYTES
    }
}
