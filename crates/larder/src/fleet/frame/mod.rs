//! A frame: the bytes of one stored response, or of a rule, in a shared store.
//!
//! Numbers are little-endian, but for the position, which stores compare as bytes:
//!
//! ```text
//! frame     = opening ( response / rule ) [ signature ]
//! opening   = "ld" version flags head-length born head-checksum check body-length  ; 44 bytes
//! version   = u8
//! flags     = u8             ; 1: signed, 2: the body has a checksum, 4: a rule
//! head-length = u32          ; all before the body
//! born      = u64            ; big-endian
//! head-checksum = u32        ; CRC-32 of the head but for itself
//! check     = 16OCTET        ; of the key: the second half of its hash; with a variant the first half, and
//!                            ; the hash of the variant, by exclusive or
//! body-length = u64
//!
//! response  = stale-since begun fill-time body-checksum names [ section ] stored-head body
//! stale-since = u64          ; milliseconds, as by the clock of the store; 0: a soft purge never was
//! begun     = u64            ; the same
//! fill-time = u32            ; milliseconds
//! body-checksum = u32        ; CRC-32
//! names     = 4u16 *u64      ; how many of each source, and their hashes
//! section   = u32 *OCTET     ; from version 2 on: its length, and what this version does not know
//! stored-head                ; `StoredHead::encode`
//!
//! rule      = u16 *( u16 *OCTET )       ; the names of the selecting fields
//! signature = 32OCTET        ; HMAC-SHA-256 of the key and all that is before
//! ```
//!
//! What is read is not believed: lengths are checked before anything is allocated, and names, values
//! and times again. Checksums tell of damage, the check of what was mixed up, and only the signature
//! of malice. With a signer all must be signed; without one nothing may be, since nobody can tell
//! whether it is right. Whatever is not as it should be is a miss.
//!
//! A codec reads what has its version, and the version before, so that nodes can be replaced one after
//! the other; and no other, since nobody knows what that says.

mod error;
mod keys;
mod opening;
mod response;
mod rule;
mod signer;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use larder_policy::WireLimits;

pub(crate) use self::error::FrameError;
use self::keys::Keys;
#[cfg(test)]
pub(crate) use self::response::Decoded;
#[cfg(test)]
pub(crate) use self::rule::Rule;
pub(crate) use self::rule::is_rule;
pub(crate) use self::signer::{MIN_SECRET_BYTES, Signer};

/// What is written.
pub(crate) const VERSION: u8 = 1;

/// Nothing was ever written in a version before.
const FIRST_VERSION: u8 = 1;

/// Writes and reads frames, and names what they are stored under.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    version: u8,
    keys: Keys,
    signer: Option<Signer>,
    limits: FrameLimits,
}

/// What a frame may be. What exceeds it is neither written nor read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameLimits {
    pub(crate) max_body_bytes: u64,
    /// Of a stored response's fields, as they were admitted.
    pub(crate) max_header_bytes: usize,
    /// Hashes by which it can be purged.
    pub(crate) max_names: usize,
}

impl Codec {
    pub(crate) fn new(limits: FrameLimits) -> Self {
        Self {
            version: VERSION,
            keys: Keys::new(&[]),
            signer: None,
            limits,
        }
    }

    /// Who does not know the secret cannot tell what any response is stored under.
    #[must_use]
    pub(crate) fn with_secret(self, secret: &[u8]) -> Self {
        let keys = Keys::new(secret);
        Self { keys, ..self }
    }

    #[must_use]
    pub(crate) fn with_signer(self, signer: Signer) -> Self {
        let signer = Some(signer);
        Self { signer, ..self }
    }

    /// Writes another version: for tests of those that come.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub(crate) fn with_version(self, version: u8) -> Self {
        Self { version, ..self }
    }

    fn readable(&self) -> RangeInclusive<u8> {
        self.version.saturating_sub(1).max(FIRST_VERSION)..=self.version
    }
}

impl FrameLimits {
    /// Of all but the opening, the names and the body. Some lines are there twice: those that clients
    /// are told otherwise, and what they say.
    fn head(&self) -> WireLimits {
        WireLimits {
            bytes: self.max_header_bytes.saturating_mul(2).saturating_add(ROOM),
            lines: MAX_LINES,
        }
    }

    /// Of all before the body.
    fn head_bytes(&self) -> usize {
        let names = self.max_names.saturating_mul(8);
        self.head().bytes.saturating_add(names).saturating_add(ROOM)
    }
}

/// For lengths of lines and whatever is of fixed length.
const ROOM: usize = 16 << 10;

/// Twice as many as are admitted.
const MAX_LINES: usize = 2048;
