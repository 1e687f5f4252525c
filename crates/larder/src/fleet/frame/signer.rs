//! [`Signer`]: so that a store can neither invent a response nor give one for another.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::shared::EntryKey;

pub(super) const SIGNATURE_BYTES: usize = 32;

/// A secret of fewer bytes could be guessed.
pub(crate) const MIN_SECRET_BYTES: usize = 16;

/// Signs with HMAC-SHA-256 (RFC 2104) under a secret that all nodes have.
#[derive(Clone)]
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    /// `None`: fewer than [`MIN_SECRET_BYTES`] are no secret.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let secret = Some(secret).filter(|secret| secret.len() >= MIN_SECRET_BYTES)?;
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    fn mac(&self, key: &EntryKey, frame: &[u8]) -> Hmac<Sha256> {
        let variant = key.variant();
        self.0
            .clone()
            .chain_update(b"larder1: frame")
            .chain_update(key.primary())
            .chain_update([u8::from(variant.is_some())])
            .chain_update(variant.unwrap_or(&[0; 16]))
            .chain_update(frame)
    }

    /// Appends the signature of a frame under this key.
    pub(super) fn sign(&self, key: &EntryKey, frame: &mut Vec<u8>) {
        let signature = self.mac(key, frame).finalize().into_bytes();
        frame.extend_from_slice(&signature);
    }

    /// In the same time whatever is wrong with it.
    pub(super) fn is_right(&self, key: &EntryKey, frame: &[u8], signature: &[u8]) -> bool {
        self.mac(key, frame).verify_slice(signature).is_ok()
    }
}

/// Says nothing of the secret.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}
