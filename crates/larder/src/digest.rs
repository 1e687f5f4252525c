//! [`PartitionDigest`]: a partition as it may be told to others.

use std::fmt;

use larder_policy::key::{KeyBuf, Partition};
use sha2::{Digest, Sha256};

/// The SHA-256 of a partition: what stands for it wherever it leaves the process, such as in events.
/// The same on every node. Identities that can be counted through, such as small numbers, can be found
/// again by trying them all.
///
/// ```
/// use larder::PartitionDigest;
/// use larder::policy::key::Partition;
///
/// let digest = PartitionDigest::of(&Partition::of("user", b"alice@example.com")?);
/// assert_eq!(digest.to_string().len(), 64);
/// # Ok::<_, larder::policy::key::EmptyIdentity>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartitionDigest([u8; 32]);

impl PartitionDigest {
    /// Cost: one SHA-256 of a few dozen bytes.
    #[must_use]
    pub fn of(partition: &Partition) -> Self {
        let mut encoded = KeyBuf::new();
        partition.encode_into(&mut encoded);
        Self(Sha256::digest(&encoded).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PartitionDigest {
    /// In hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_sha_256_of_the_encoding() {
        // printf '\001\005user\0027' | sha256sum
        let partition = Partition::of("user", b"7").unwrap();
        let expected: [u8; 32] = Sha256::digest(b"\x01\x05user\x027").into();
        assert_eq!(PartitionDigest::of(&partition).as_bytes(), &expected);
    }

    #[test]
    fn digest_shows_no_identity_and_tells_kinds_apart() {
        let of = |kind, id: &str| PartitionDigest::of(&Partition::of(kind, id.as_bytes()).unwrap());
        assert!(!of("user", "alice").to_string().contains("alice"));
        assert_ne!(of("user", "a"), of("tenant", "a"));
        assert_ne!(of("a", "bc"), of("ab", "c"));
    }
}
