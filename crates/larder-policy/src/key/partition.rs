//! Whose copy a stored response is.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::bytes::{KeyBuf, StackBytes};
use super::encode::push_field;
use super::part::{KeyPart, PartWriter, RoleSet, write_roles};

/// Whose copy a stored response is: everybody's, or that of one authenticated principal.
///
/// It is part of the primary key, so a response stored in one partition is never found from
/// another. The identity must come from the application's own authentication, never from a header
/// field the client chooses.
///
/// `Debug` does not show the identity.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Partition(Option<Identity>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Identity {
    kind: Cow<'static, str>,
    id: StackBytes<40>,
}

impl Partition {
    /// The partition shared by all users.
    #[must_use]
    pub const fn shared() -> Self {
        Self(None)
    }

    /// The partition of one principal: `kind` says what the identity is, such as `user` or `tenant`.
    ///
    /// # Errors
    ///
    /// An empty identity is an error: it usually means that nobody was authenticated, and then the
    /// request must bypass the cache.
    pub fn of(kind: &str, id: &[u8]) -> Result<Self, EmptyIdentity> {
        if id.is_empty() {
            return Err(EmptyIdentity);
        }
        let kind = Cow::Owned(kind.to_owned());
        let id = StackBytes::from_slice(id);
        Ok(Self(Some(Identity { kind, id })))
    }

    /// The partition of one identity.
    ///
    /// # Errors
    ///
    /// An identity that writes nothing, or nothing but empty values, is nobody's.
    pub fn of_identity<T: KeyPart>(identity: &T) -> Result<Self, EmptyIdentity> {
        let mut id = PartWriter::default();
        identity.write(&mut id);
        if id.is_blank() {
            return Err(EmptyIdentity);
        }
        Ok(Self::named(T::NAME, id))
    }

    /// The partition of all users that have exactly these roles. Having none is a set of roles too.
    #[must_use]
    pub fn of_roles<T: RoleSet>(roles: &T) -> Self {
        let mut id = PartWriter::default();
        write_roles(roles, &mut id);
        Self::named("roles", id)
    }

    fn named(kind: &'static str, id: PartWriter) -> Self {
        Self(Some(Identity {
            kind: Cow::Borrowed(kind),
            id: id.into_bytes(),
        }))
    }

    /// Whether responses here may be sent to any user.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.0.is_none()
    }

    /// Appends the bytes that stand for this partition in a key: one zero byte when shared.
    #[inline]
    pub fn encode_into(&self, out: &mut KeyBuf) {
        match &self.0 {
            None => out.push(0),
            Some(identity) => identity.encode_into(out),
        }
    }
}

impl Identity {
    #[inline(never)]
    fn encode_into(&self, out: &mut KeyBuf) {
        out.push(1);
        push_field(out, Some(self.kind.as_bytes()));
        push_field(out, Some(self.id.as_slice()));
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_shared() {
            "Partition(shared)"
        } else {
            "Partition(private)"
        })
    }
}

/// A partition was asked for with an empty identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmptyIdentity;

impl fmt::Display for EmptyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the identity of a partition is empty")
    }
}

impl Error for EmptyIdentity {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(partition: &Partition) -> KeyBuf {
        let mut out = KeyBuf::new();
        partition.encode_into(&mut out);
        out
    }

    #[test]
    fn kind_and_identity_do_not_run_into_one_another() {
        let a = Partition::of("a", b"bc").unwrap();
        let b = Partition::of("ab", b"c").unwrap();
        assert_ne!(a, b);
        assert_ne!(encoded(&a), encoded(&b));
    }

    #[test]
    fn empty_identity_is_an_error() {
        assert_eq!(Partition::of("user", b""), Err(EmptyIdentity));
    }

    #[test]
    fn shared_is_one_zero_byte() {
        assert!(Partition::shared().is_shared());
        assert!(!Partition::of("user", b"7").unwrap().is_shared());
        assert_eq!(encoded(&Partition::shared()).as_slice(), [0]);
    }

    #[test]
    fn debug_shows_no_identity() {
        let shown = format!("{:?}", Partition::of("user", b"alice@example.com").unwrap());
        assert_eq!(shown, "Partition(private)");
    }

    proptest! {
        #[test]
        fn partitions_encode_equally_only_if_equal(
            a in ("[ab\\x00]{0,3}", proptest::collection::vec(0u8..3, 1..4)),
            b in ("[ab\\x00]{0,3}", proptest::collection::vec(0u8..3, 1..4)),
        ) {
            let of = |pair: &(String, Vec<u8>)| Partition::of(&pair.0, &pair.1).unwrap();
            prop_assert_eq!(encoded(&of(&a)) == encoded(&of(&b)), a == b);
            prop_assert_eq!(of(&a) == of(&b), a == b);
            prop_assert_ne!(encoded(&of(&a)), encoded(&Partition::shared()));
        }
    }
}
