//! [`SharedParts`]: a shared store, and how it is to be used, before there is a cache.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Fleet;
use super::frame::{Codec, FrameLimits, Signer};
use super::settings::SharedSettings;
use crate::shared::{EntryStore, InvalidationLog};

/// Four sources give a response names, a few dozen each.
const MAX_NAMES: usize = 1024;

#[derive(Debug, Clone)]
pub(crate) struct SharedParts {
    entries: Arc<dyn EntryStore>,
    log: Arc<dyn InvalidationLog>,
    settings: SharedSettings,
}

impl SharedParts {
    pub(crate) fn new(
        entries: Arc<dyn EntryStore>,
        log: Arc<dyn InvalidationLog>,
        settings: SharedSettings,
    ) -> Self {
        Self {
            entries,
            log,
            settings,
        }
    }

    pub(crate) fn max_known_purges(&self) -> u64 {
        self.settings.max_known_purges as u64
    }

    /// By which all that share the store know names.
    pub(crate) fn name_key(&self) -> [u8; 16] {
        let secret = self.settings.secret.as_deref().unwrap_or_default();
        let digest = Sha256::new()
            .chain_update(b"larder names\0")
            .chain_update(secret);
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        key
    }

    /// With limits on what is stored: on a body, and on the fields of a head.
    pub(crate) fn build(self, max_body_bytes: u64, max_header_bytes: usize) -> Fleet {
        let limits = FrameLimits {
            max_body_bytes,
            max_header_bytes,
            max_names: MAX_NAMES,
        };
        let secret = self.settings.secret.as_deref().unwrap_or_default();
        let mut codec = Codec::new(limits).with_secret(secret);
        if !secret.is_empty()
            && let Some(signer) = Signer::new(secret)
        {
            codec = codec.with_signer(signer);
        }
        #[cfg(feature = "internals")]
        if let Some(version) = self.settings.frame_version {
            codec = codec.with_version(version);
        }
        Fleet::new(self.entries, self.log, self.settings, codec)
    }
}
