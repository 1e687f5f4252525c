//! [`Ahead`]: what other nodes have just stored, and was fetched before anybody asked for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache as Engine;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::frame::is_rule;
use crate::shared::{EntryKey, Found, Leased};

/// So much is fetched at once.
const AT_ONCE: usize = 16;
/// What this node stored itself it remembers for so long, and so many.
const OWN_FOR: Duration = Duration::from_secs(10);
const MAX_OWN: u64 = 10_000;
/// What the engine spends on a frame.
const BOOKKEEPING_BYTES: usize = 400;

/// Frames that nobody has asked for yet.
#[derive(Debug)]
pub(crate) struct Ahead {
    frames: Engine<EntryKey, Bytes>,
    /// What this node told the others of.
    own: Engine<EntryKey, ()>,
    places: Arc<Semaphore>,
}

impl Ahead {
    /// `None`: nothing is fetched ahead.
    pub(crate) fn new(max_bytes: u64) -> Option<Self> {
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
    pub(crate) fn take(&self, key: &EntryKey) -> Option<Found> {
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

    /// This node is about to tell the others of what it wrote.
    pub(crate) fn tells(&self, key: EntryKey) {
        self.own.insert(key, ());
    }

    /// A place to fetch what others are told of, unless this node wrote it, or too much is fetched already: what
    /// comes too fast is left to those who ask.
    pub(crate) fn place_for(&self, key: &EntryKey) -> Option<OwnedSemaphorePermit> {
        if self.own.remove(key).is_some() {
            return None;
        }
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    pub(crate) fn keep(&self, key: EntryKey, found: Found) {
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
