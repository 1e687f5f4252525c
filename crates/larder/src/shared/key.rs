//! [`EntryKey`]: what a response is called in a shared store.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a stored response is called outside of the process: hashes, so that no token and no address can
/// be read in the store, nothing in a URL can be a command, and all keys are short.
///
/// A response without `Vary` stands under the hash of its primary key alone. One with `Vary` stands
/// under the same with the hash of its selecting values, and under the primary key stands the rule: which
/// fields select. So one variant can be dropped by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryKey {
    primary: [u8; 32],
    variant: Option<[u8; 16]>,
}

impl EntryKey {
    /// A key by its hash.
    #[must_use]
    pub const fn new(primary: [u8; 32]) -> Self {
        Self {
            primary,
            variant: None,
        }
    }

    /// The same with the hash of selecting values.
    #[must_use]
    pub const fn with_variant(self, variant: [u8; 16]) -> Self {
        Self {
            variant: Some(variant),
            ..self
        }
    }

    /// The hash of the primary key: all variants of it have the same.
    #[must_use]
    pub const fn primary(&self) -> &[u8; 32] {
        &self.primary
    }

    /// The hash of the selecting values, if it is one of several variants.
    #[must_use]
    pub const fn variant(&self) -> Option<&[u8; 16]> {
        self.variant.as_ref()
    }

    /// Both hashes: 32 bytes, or 48 with a variant.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let variant = self.variant.iter().flatten();
        self.primary.iter().chain(variant).copied().collect()
    }

    /// The reverse of [`to_bytes`](Self::to_bytes). `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (primary, variant) = bytes.split_first_chunk()?;
        match variant {
            [] => Some(Self::new(*primary)),
            variant => Some(Self::new(*primary).with_variant(variant.try_into().ok()?)),
        }
    }

    /// The hash of the primary key as 43 characters: letters, digits, `-` and `_`.
    #[must_use]
    pub fn primary_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.primary)
    }

    /// The hash of the selecting values as 22 such characters.
    #[must_use]
    pub fn variant_text(&self) -> Option<String> {
        self.variant.map(|variant| URL_SAFE_NO_PAD.encode(variant))
    }
}

/// The text of the primary key, and that of the variant after a dot.
impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.primary_text())?;
        match self.variant_text() {
            Some(variant) => write!(f, ".{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_through_bytes_and_nothing_else_does() {
        let key = EntryKey::new([7; 32]);
        for key in [key, key.with_variant([9; 16])] {
            assert_eq!(EntryKey::from_bytes(&key.to_bytes()), Some(key));
        }
        for length in [0, 31, 33, 47, 49] {
            assert_eq!(EntryKey::from_bytes(&vec![1; length]), None);
        }
    }
}
