//! Fetching ahead what other nodes have just stored.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache as Engine;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::counts::Did;
use super::frame::is_rule;
use super::{Fleet, limited};
use crate::cache::Shared;
use crate::shared::{EntryKey, Found, Leased, News, Wish};

/// So much is fetched at once.
const AT_ONCE: usize = 16;
const PAUSE: Duration = Duration::from_secs(1);
/// Whoever listens looks whether the cache is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What this node stored itself it remembers for so long, and so many.
const OWN_FOR: Duration = Duration::from_secs(10);
const MAX_OWN: u64 = 10_000;
/// What the engine spends on a frame.
const BOOKKEEPING_BYTES: usize = 400;

/// Frames that nobody has asked for yet.
#[derive(Debug)]
pub(super) struct Ahead {
    frames: Engine<EntryKey, Bytes>,
    /// What this node told the others of.
    own: Engine<EntryKey, ()>,
    places: Arc<Semaphore>,
}

impl Ahead {
    /// `None`: nothing is fetched ahead.
    pub(super) fn new(max_bytes: u64) -> Option<Self> {
        if max_bytes == 0 {
            return None;
        }
        let weigh = |_: &EntryKey, frame: &Bytes| {
            u32::try_from(frame.len() + BOOKKEEPING_BYTES).unwrap_or(u32::MAX)
        };
        let frames = Engine::builder().max_capacity(max_bytes).weigher(weigh);
        let own = Engine::builder()
            .max_capacity(MAX_OWN)
            .time_to_live(OWN_FOR);
        Some(Self {
            frames: frames.build(),
            own: own.build(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// What was fetched for a key; it goes into the memory.
    pub(super) fn take(&self, key: &EntryKey) -> Option<Found> {
        let frame = self.frames.remove(key)?;
        let (primary, variant) = match key.variant() {
            None => (Some(frame), None),
            Some(_) => (None, Some(frame)),
        };
        Some(Found {
            primary,
            variant,
            leased: Leased::No,
        })
    }

    fn keep(&self, key: EntryKey, found: Found) {
        match (key.variant(), found.primary, found.variant) {
            (None, Some(frame), _) if !is_rule(&frame) => self.frames.insert(key, frame),
            (Some(_), rule, Some(frame)) => {
                if let Some(rule) = rule {
                    self.frames.insert(EntryKey::new(*key.primary()), rule);
                }
                self.frames.insert(key, frame);
            }
            _ => {}
        }
    }
}

impl Fleet {
    /// Tells the others of what was written, if they want to hear of it.
    pub(super) async fn tell(&self, key: &EntryKey) {
        if let Some(ahead) = &self.ahead {
            ahead.own.insert(*key, ());
            let _ = self
                .ask(|| self.entries.tell(key), self.settings.write_within)
                .await;
        }
    }

    fn fetch_ahead(self: &Arc<Self>, key: EntryKey) {
        let Some(ahead) = &self.ahead else { return };
        if ahead.own.remove(&key).is_some() {
            return;
        }
        // What comes too fast is left to those who ask.
        let Ok(place) = Arc::clone(&ahead.places).try_acquire_owned() else {
            return;
        };
        let fleet = Arc::clone(self);
        tokio::spawn(async move {
            let found = || fleet.entries.get(&key, Wish::Read);
            if let Ok(found) = fleet.ask(found, fleet.settings.read_within).await
                && let Some(ahead) = &fleet.ahead
            {
                fleet.counts.add(Did::FetchedAhead);
                ahead.keep(key, found);
            }
            drop(place);
        });
    }
}

/// As long as the cache is there.
pub(super) async fn fetch_ahead(cache: Weak<Shared>, fleet: Arc<Fleet>) {
    while cache.strong_count() > 0 {
        match limited(fleet.entries.listen(), fleet.settings.write_within).await {
            Ok(Some(news)) => hear(&cache, &fleet, news).await,
            Ok(None) => {
                tracing::warn!(target: "larder", "the shared store cannot tell of what is written: nothing is fetched ahead");
                return;
            }
            Err(error) => {
                tracing::debug!(target: "larder", %error, "nobody tells of what others write");
            }
        }
        sleep(PAUSE).await;
    }
}

async fn hear(cache: &Weak<Shared>, fleet: &Arc<Fleet>, mut news: Box<dyn News>) {
    let mut next = news.next();
    while cache.strong_count() > 0 {
        match timeout(LOOK_EVERY, &mut next).await {
            Ok(Ok(key)) => {
                fleet.fetch_ahead(key);
                drop(next);
                next = news.next();
            }
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
}
