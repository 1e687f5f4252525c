//! What the fuzz targets and benches of this project reach beyond the interface. It is no part of the
//! interface, and changes without notice.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::HeaderName;
use larder_policy::StoredHead;

use crate::entry::{Birth, Entry};
use crate::fleet::frame::{Codec, FrameError, FrameLimits, Signer, is_rule};
use crate::names::{Names, Source};
use crate::shared::{EntryKey, LogPosition};
use crate::sight::Sight;
use crate::tier::MemoryEngine;
use crate::tier::engine::Engine;
use crate::tier::held::{Change, Weighed};
use crate::tier::sampled::Sampled;

/// Writes and reads frames of one key.
#[derive(Debug)]
pub struct Frames {
    codec: Codec,
    key: EntryKey,
}

/// A stored response.
#[derive(Debug)]
pub struct Stored(Entry);

/// What was read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read {
    /// A response.
    #[expect(missing_docs, reason = "as they are called inside")]
    #[non_exhaustive]
    Response {
        head: Box<StoredHead>,
        body: Bytes,
        born: LogPosition,
        fill_time: Duration,
        names: Vec<u64>,
        /// Not later than now.
        times: Vec<SystemTime>,
    },
    /// The names of a rule, and where it was born.
    Rule(Vec<HeaderName>, LogPosition),
}

/// One of the memory engines, by itself.
#[derive(Debug)]
pub struct Memory(Engine<Weight>);

/// Something of a weight.
#[derive(Debug)]
pub struct Weight {
    /// In bytes.
    weight: usize,
    body: Bytes,
}

impl Weighed for Weight {
    fn weight(&self) -> usize {
        self.weight
    }

    fn responses(&self) -> usize {
        1
    }
}

impl Memory {
    /// The default one.
    #[must_use]
    pub fn greedy_dual(max_bytes: u64) -> Self {
        Self(Engine::new(MemoryEngine::GreedyDual, max_bytes))
    }

    /// Moka, told of one read of so many.
    #[must_use]
    pub fn moka(max_bytes: u64, sample: u8) -> Self {
        Self(Engine::Sampled(Sampled::new(max_bytes, sample)))
    }

    /// The length of what is there.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key).map(|held| held.body.len())
    }

    /// Puts something there that weighs so much and the key.
    pub fn put(&self, key: Arc<[u8]>, weight: usize, body: Bytes) {
        self.0.change(key, |_| Change::Put(Weight { weight, body }));
    }

    /// Settles the books: how many keys there are, and how many bytes.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        let usage = self.0.usage();
        (usage.keys, usage.bytes)
    }
}

impl Frames {
    /// Frames of this key, signed if there is a secret.
    #[must_use]
    pub fn new(primary_key: &[u8], secret: Option<&[u8]>) -> Self {
        let mut codec = Codec::new(FrameLimits {
            max_body_bytes: 1 << 20,
            max_header_bytes: 64 << 10,
            max_names: 1000,
        });
        if let Some(signer) = secret.and_then(Signer::new) {
            codec = codec.with_signer(signer);
        }
        Self {
            key: codec.key(primary_key),
            codec,
        }
    }

    /// The same of a later version.
    #[must_use]
    pub fn with_version(self, version: u8) -> Self {
        Self {
            codec: self.codec.with_version(version),
            ..self
        }
    }

    /// A frame.
    #[must_use]
    pub fn encode(&self, stored: &Stored) -> Option<Bytes> {
        let born = LogPosition::new(1_800_000_000_000, 5);
        self.codec.encode(&self.key, &stored.0, born, 0).ok()
    }

    /// A frame of a rule.
    #[must_use]
    pub fn encode_rule(&self, names: &[HeaderName]) -> Option<Bytes> {
        let born = LogPosition::START;
        self.codec.encode_rule(&self.key, names, born).ok()
    }

    /// A frame that is sound but for what is in it.
    #[must_use]
    pub fn around(&self, flags: u8, head: &[u8], body: &[u8]) -> Option<Bytes> {
        self.codec.around(flags, head, body, &self.key).ok()
    }

    /// What is in a frame.
    ///
    /// # Errors
    ///
    /// The name of what is wrong with it.
    pub fn decode(&self, frame: &Bytes, now: SystemTime) -> Result<Read, &'static str> {
        let key = &self.key;
        if is_rule(frame) {
            let rule = self.codec.decode_rule(key, frame);
            return rule
                .map(|rule| Read::Rule(rule.names, rule.born))
                .map_err(FrameError::as_str);
        }
        let read = self.codec.decode(key, frame, now, 0);
        let read = read.map_err(FrameError::as_str)?;
        Ok(Read::Response {
            head: Box::new(read.head),
            body: read.body,
            born: read.born,
            fill_time: read.fill_time,
            names: read.names.hashes().to_vec(),
            times: [read.begun].into_iter().chain(read.stale_since).collect(),
        })
    }
}

impl Stored {
    /// A response with these hashes as its names.
    #[must_use]
    pub fn new(head: StoredHead, body: Bytes, names: &[u64], begun: SystemTime) -> Self {
        let birth = Birth {
            position: 1,
            names: Names::of_request(&[]).with(Source::Fields, names),
            time: begun,
            sight: Sight::default(),
        };
        Self(Entry::new(head, body, birth, Duration::from_millis(5)))
    }
}
