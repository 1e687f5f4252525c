//! What frames are stored under: SHA-256, each for one purpose. The check inside of them is of the same
//! hashes.

use std::fmt;

use http::header::HeaderName;
use sha2::{Digest, Sha256};

use super::Codec;
use crate::shared::EntryKey;

/// Hashes that have begun with what they are for, and with the secret of the fleet.
#[derive(Clone)]
pub(super) struct Keys {
    primary: Sha256,
    variant: Sha256,
}

impl Keys {
    pub(super) fn new(secret: &[u8]) -> Self {
        let begun = |purpose: &[u8; 16]| {
            let length = secret.len() as u64;
            let begun = Sha256::new_with_prefix(purpose)
                .chain_update(length.to_le_bytes())
                .chain_update(secret);
            // Up to a whole block, so that this much is worked out only once.
            let rest = (purpose.len() + size_of_val(&length) + secret.len()) % BLOCK.len();
            begun.chain_update(BLOCK.get(rest..).unwrap_or_default())
        };
        Self {
            primary: begun(b"larder1: primary"),
            variant: begun(b"larder1: variant"),
        }
    }
}

/// That a frame is of this key. The hashes of the key are of all that it stands for, and no two keys have
/// the same by any chance or malice: a part of them says as much, and need not be worked out again.
pub(super) fn check(key: &EntryKey) -> [u8; 16] {
    let (first, second) = key.primary().split_at(16);
    let mut check = [0; 16];
    match key.variant() {
        None => check.copy_from_slice(second),
        Some(variant) => {
            let both = first.iter().zip(variant);
            for (to, (first, variant)) in check.iter_mut().zip(both) {
                *to = first ^ variant;
            }
        }
    }
    check
}

impl Codec {
    /// What a response without `Vary`, or the rule of its variants, is stored under.
    pub(crate) fn key(&self, primary_key: &[u8]) -> EntryKey {
        let hash = self.keys.primary.clone().chain_update(primary_key);
        EntryKey::new(hash.finalize().into())
    }

    /// What tells one variant from the others: the selecting fields and their values, as
    /// [`Selection::encoded`](larder_policy::key::Selection::encoded) has them.
    pub(crate) fn variant_of(&self, names: &[HeaderName], encoded: &[u8]) -> [u8; 16] {
        let count = names.len() as u64;
        let mut hash = self.keys.variant.clone().chain_update(count.to_le_bytes());
        for name in names {
            let length = name.as_str().len() as u64;
            hash.update(length.to_le_bytes());
            hash.update(name.as_str());
        }
        half(hash.chain_update(encoded))
    }
}

fn half(hash: Sha256) -> [u8; 16] {
    let hash: [u8; 32] = hash.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

const BLOCK: [u8; 64] = [0; 64];

/// Says nothing of the secret.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
