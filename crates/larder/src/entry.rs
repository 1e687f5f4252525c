//! A stored response: the head that the policy prepared and the body as one piece.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use crossbeam_utils::CachePadded;
use http::HeaderValue;
use http::header::ETAG;
use larder_policy::{NanoTime, Nanos, Serving, StoredHead};
use sha2::{Digest, Sha256};

use crate::buffer::budget::Budget;
use crate::names::Names;
use crate::ready::{Prepare, Prepared, Ready};
use crate::record::Record;
use crate::sight::Sight;
use crate::stamps::{Life, Seen, Stamps};
use crate::templates::Templates;
use crate::turns::Turns;

/// What the memory engine spends on an entry beyond the bytes it is told of.
const BOOKKEEPING_BYTES: usize = 375;

/// In bytes. Copied to where the values of its head are: one piece of memory less.
const SMALL_BODY: usize = 4096;

/// About what a copy takes for counting, and for the values of its fields.
const COPY_BYTES: usize = 1024;

/// Putting a value there takes less, however busy the machine is.
const PUTTING: Duration = Duration::from_secs(60);

/// Where a fill stands in the order of purges, by what names it can be purged, and when it began.
#[derive(Debug, Clone)]
pub(crate) struct Birth {
    pub(crate) position: u64,
    pub(crate) names: Names,
    pub(crate) time: SystemTime,
    pub(crate) sight: Sight,
}

impl Birth {
    /// Nothing that the response depends on was purged since, not even softly.
    pub(crate) fn is_current(&self, stamps: &Stamps) -> bool {
        self.life(stamps) == Life::Live
    }

    pub(crate) fn is_live(&self, stamps: &Stamps) -> bool {
        self.life(stamps) != Life::Dead
    }

    fn life(&self, stamps: &Stamps) -> Life {
        stamps.life(&self.names, &Seen::new(self.position))
    }
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) head: StoredHead,
    /// A body that is not the tail of its head.
    body: Option<Box<Bytes>>,
    names: Names,
    /// Where its fill stands in the order of purges.
    position: u64,
    begun: NanoTime,
    sight: Sight,
    seen: Seen,
    /// Boxed, for most need none.
    entity_tag: OnceLock<Box<HeaderValue>>,
    /// How long the inner service took over it.
    fill_time: Nanos,
    turns: Turns,
    rare: Option<Box<Rare>>,
    ready: Ready,
}

/// What few have. All have room for this.
#[derive(Debug, Clone, Default)]
struct Rare {
    /// What to check it by, if hits are checked.
    record: Option<Arc<Record>>,
    coming: Coming,
}

/// How a response came into the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Coming {
    #[default]
    Fetched,
    /// The application put it there at this time, and it is of its birth.
    Put(SystemTime),
    /// The application put it there as what is true now, whatever the clock says.
    PutNow,
}

impl Entry {
    pub(crate) fn new(head: StoredHead, body: Bytes, birth: Birth, fill_time: Duration) -> Self {
        Self {
            head,
            body: Some(Box::new(body)),
            names: birth.names,
            position: birth.position,
            begun: birth.time.into(),
            sight: birth.sight,
            seen: Seen::new(birth.position),
            entity_tag: OnceLock::new(),
            fill_time: fill_time.into(),
            turns: Turns::default(),
            rare: None,
            ready: Ready::default(),
        }
    }

    /// In as little memory as it can be: what its head has in common with others is kept once, and what
    /// is its own does not keep the buffer in which it came.
    pub(crate) fn packed(mut self, templates: &Templates) -> Self {
        let body = self.body();
        let is_small = body.len() <= SMALL_BODY;
        let tail = if is_small { &*body } else { &[] };
        self.head.pack(tail, |template| templates.shared(template));
        self.body = (!is_small).then(|| Box::new(body));
        self
    }

    /// Cost: shares its memory.
    #[inline]
    pub(crate) fn body(&self) -> Bytes {
        match &self.body {
            Some(body) => Bytes::clone(body),
            None => self.head.tail(),
        }
    }

    /// The length of the body.
    #[inline]
    pub(crate) fn body_bytes(&self) -> usize {
        match &self.body {
            Some(body) => body.len(),
            None => self.head.tail_bytes(),
        }
    }

    pub(crate) fn with_coming(mut self, coming: Coming) -> Self {
        if coming != self.coming() {
            self.rare.get_or_insert_default().coming = coming;
        }
        self
    }

    fn coming(&self) -> Coming {
        self.rare
            .as_ref()
            .map_or_else(Coming::default, |rare| rare.coming)
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

    pub(crate) fn with_record(mut self, record: Option<Arc<Record>>) -> Self {
        if record.is_some() {
            self.rare.get_or_insert_default().record = record;
        }
        self
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.rare.as_ref()?.record.as_ref()
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
        let entity_tag = self.entity_tag.clone();
        Self {
            entity_tag,
            rare: self.rare.clone(),
            ..Self::new(head, self.body(), birth, self.fill_time())
        }
    }

    fn birth(&self) -> Birth {
        Birth {
            position: self.position,
            names: self.names.clone(),
            time: self.begun(),
            sight: self.sight,
        }
    }

    pub(crate) fn fill_time(&self) -> Duration {
        self.fill_time.get()
    }

    /// Whose turn it is to validate.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// What was known of the purges of others when its fill began.
    pub(crate) fn sight(&self) -> Sight {
        self.sight
    }

    /// When its fill began.
    pub(crate) fn begun(&self) -> SystemTime {
        self.begun.get()
    }

    /// Whether `other`, that comes now, came late: this one is more recent by `Date` or, in the same
    /// second, began after a purge which the other began before; or a purge made the other stale and
    /// not this one; or one of them was put and this one began later. A fill that began at the same
    /// moment as a put knows no more. Not where a purge made this one stale and the other began after
    /// that.
    pub(crate) fn outdates(&self, other: &Self, stamps: &Stamps) -> bool {
        let later = self.begun > other.begun;
        let outrun = match (self.coming(), other.coming()) {
            (_, Coming::PutNow) => return false,
            (Coming::Fetched, Coming::Fetched) => false,
            (_, Coming::Fetched) => later || self.begun == other.begun,
            (_, Coming::Put(_)) => later,
        };
        let is_current = |entry: &Self| entry.life(stamps) == Life::Live;
        let spared = match (is_current(self), is_current(other)) {
            (false, true) if other.position > self.position => return false,
            (current, other) => current && !other,
        };
        if self.is_of_a_clock_ahead(other) {
            return spared;
        }
        let recency = |entry: &Self| (entry.head.date(), entry.position);
        outrun || spared || recency(self) > recency(other)
    }

    /// This one stands there already and began longer after the other was put there than putting takes:
    /// the clock was set back, so that times say nothing of which is more recent.
    fn is_of_a_clock_ahead(&self, other: &Self) -> bool {
        let Coming::Put(at) = other.coming() else {
            return false;
        };
        let ahead = self.begun().duration_since(at).unwrap_or_default();
        other.begun() <= at && ahead > PUTTING
    }

    /// What purges made of it.
    pub(crate) fn life(&self, stamps: &Stamps) -> Life {
        stamps.life(&self.names, &self.seen)
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

    /// The entity tag for a stored response that came without one: SHA-256 of the body, worked out
    /// at the first use, since most stored responses are never used.
    pub(crate) fn entity_tag(&self) -> Option<&HeaderValue> {
        self.head.has_etag_slot().then(|| {
            &**self
                .entity_tag
                .get_or_init(|| entity_tag_of(&self.body()).into())
        })
    }

    /// What an answer copies, if it is ready.
    #[inline]
    pub(crate) fn ready(&self, budget: &Arc<Budget>) -> Option<&Prepared> {
        self.ready.get(self, budget)
    }

    pub(crate) fn weight(&self) -> usize {
        let record = self.record().map_or(0, |record| record.weight());
        let rare = self.rare.as_ref().map_or(0, |_| size_of::<Rare>());
        let names = self.names.weight();
        self.body_bytes() + self.head.weight() + names + rare + record + BOOKKEEPING_BYTES
    }
}

impl Prepare for Entry {
    fn bytes(&self) -> (usize, usize) {
        let tail = self.body.as_ref().map_or_else(|| self.body_bytes(), |_| 0);
        (self.head.map_bytes(), tail.saturating_add(COPY_BYTES))
    }

    fn prepare(&self) -> Prepared {
        let mut fields = self.head.headers();
        if let Some(tag) = self.entity_tag() {
            fields.insert(ETAG, tag.clone());
        }
        Prepared {
            fields,
            body: self.body(),
        }
    }

    fn prepare_apart(&self) -> Prepared {
        let (mut fields, tail) = self.head.headers_in(counted_apart);
        if let Some(tag) = self.entity_tag() {
            let apart = HeaderValue::from_maybe_shared(counted_apart(tag.as_bytes().to_vec()));
            fields.insert(ETAG, apart.unwrap_or_else(|_| tag.clone()));
        }
        let large = self.body.as_deref().cloned();
        let body = large.map_or(tail, counted_apart);
        Prepared { fields, body }
    }
}

/// The same bytes, of which those who have them are counted in a place that is near to nothing else.
fn counted_apart<T>(bytes: T) -> Bytes
where
    T: AsRef<[u8]> + Send + 'static,
{
    struct Padded<T>(CachePadded<T>);
    impl<T: AsRef<[u8]>> AsRef<[u8]> for Padded<T> {
        fn as_ref(&self) -> &[u8] {
            (*self.0).as_ref()
        }
    }
    Bytes::from_owner(Padded(CachePadded::new(bytes)))
}

/// A strong entity tag from the first 128 bits of SHA-256.
fn entity_tag_of(body: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(body);
    let mut tag = String::with_capacity(24);
    tag.push('"');
    URL_SAFE_NO_PAD.encode_string(digest.get(..16).unwrap_or(&digest), &mut tag);
    tag.push('"');
    HeaderValue::from_maybe_shared(Bytes::from(tag))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use http::header::DATE;

    use super::*;
    use crate::samples::entry;

    #[test]
    fn entity_tag_is_the_start_of_the_sha_256_of_the_body() {
        // SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 …
        assert_eq!(entity_tag_of(b"abc"), "\"ungWv48Bz-pBQUDeXa4iIw\"");
    }

    #[test]
    fn copies_for_threads_say_the_same_and_are_counted_apart() {
        for length in [10, SMALL_BODY + 1] {
            let entry = entry(vec![b'x'; length].into(), 0).packed(&Templates::default());
            let [first, second] = [entry.prepare(), entry.prepare_apart()];
            assert_eq!(first.fields, second.fields);
            assert_eq!(first.fields[ETAG], *entry.entity_tag().unwrap());
            assert_eq!(first.body, second.body);
            let is_small = length <= SMALL_BODY;
            // What is large is not copied to be counted.
            assert_eq!(first.body.as_ptr() != second.body.as_ptr(), is_small);
            for name in [ETAG, DATE] {
                let at = |prepared: &Prepared| prepared.fields[&name].as_bytes().as_ptr();
                assert_ne!(at(&first), at(&second), "{name}");
            }
        }
    }
}
