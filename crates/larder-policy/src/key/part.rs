//! Typed parts of a key: what the application put into a request's extensions.

use std::fmt;

use super::bytes::StackBytes;
use super::encode::push_field;

/// A value that can be part of a primary key, or the identity of a partition.
///
/// ```
/// use larder_policy::key::{KeyPart, PartWriter};
///
/// /// The version of the API that the application's own layer worked out.
/// #[derive(Clone)]
/// struct ApiVersion(u32);
///
/// impl KeyPart for ApiVersion {
///     const NAME: &'static str = "api-version";
///
///     fn write(&self, out: &mut PartWriter) {
///         out.number(self.0.into());
///     }
/// }
/// ```
///
/// What an implementation may get wrong: two values that are to be told apart must write different
/// things, and what is written must not depend on the process (no addresses, no hashes seeded at
/// random): other nodes look for the same key. Every value written carries its own length, so
/// `"a", "bc"` is not `"ab", "c"`.
pub trait KeyPart: Send + Sync + 'static {
    /// The name of the part, unique among the parts of a key. For an identity it says what the
    /// identity is, such as `user`.
    const NAME: &'static str;

    /// Writes the value.
    fn write(&self, out: &mut PartWriter);
}

/// Takes the value of a [`KeyPart`]: any number of texts, bytes and numbers.
#[derive(Default)]
pub struct PartWriter {
    bytes: StackBytes<40>,
    said_something: bool,
}

impl PartWriter {
    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.said_something |= !bytes.is_empty();
        push_field(&mut self.bytes, Some(bytes));
    }

    /// Writes a number.
    pub fn number(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    /// Writes a value that is not there, which differs from an empty one.
    pub fn none(&mut self) {
        push_field(&mut self.bytes, None);
    }

    /// Nothing was written but empty values: as an identity that is nobody.
    pub(super) const fn is_blank(&self) -> bool {
        !self.said_something
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    pub(super) fn into_bytes(self) -> StackBytes<40> {
        self.bytes
    }
}

impl fmt::Debug for PartWriter {
    /// Leaves the values out: they may be identities.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartWriter").finish_non_exhaustive()
    }
}

/// A set of roles: users with the same roles share what is stored for them.
pub trait RoleSet: Send + Sync + 'static {
    /// The roles, in any order and as often as they come.
    fn roles(&self) -> impl Iterator<Item = &str>;
}

/// Writes a set of roles: how many, then each once, sorted.
pub(super) fn write_roles<T: RoleSet>(roles: &T, out: &mut PartWriter) {
    let mut sorted: Vec<&str> = roles.roles().collect();
    sorted.sort_unstable();
    sorted.dedup();
    out.number(sorted.len() as u64);
    for role in sorted {
        out.text(role);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut PartWriter)) -> Vec<u8> {
        let mut out = PartWriter::default();
        write(&mut out);
        out.as_bytes().to_vec()
    }

    struct Roles(&'static [&'static str]);

    impl RoleSet for Roles {
        fn roles(&self) -> impl Iterator<Item = &str> {
            self.0.iter().copied()
        }
    }

    #[test]
    fn values_do_not_run_into_one_another() {
        let pair = |a: &'static str, b: &'static str| {
            written(|out| {
                out.text(a);
                out.text(b);
            })
        };
        assert_ne!(pair("a", "bc"), pair("ab", "c"));
        assert_ne!(pair("", "a"), pair("a", ""));
    }

    #[test]
    fn absent_differs_from_empty_and_both_are_nobody() {
        assert_ne!(written(PartWriter::none), written(|out| out.text("")));
        let mut out = PartWriter::default();
        out.none();
        out.text("");
        assert!(out.is_blank());
        out.number(0);
        assert!(!out.is_blank());
    }

    #[test]
    fn roles_are_a_set() {
        let set = |roles| written(|out| write_roles(&Roles(roles), out));
        assert_eq!(set(&["b", "a"]), set(&["a", "b", "a"]));
        assert_ne!(set(&["ab"]), set(&["a", "b"]));
        assert_ne!(set(&[]), set(&[""]));
    }
}
