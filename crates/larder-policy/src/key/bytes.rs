//! Bytes under construction, on the stack while they are few.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

/// Bytes under construction: on the stack up to `N` of them, on the heap beyond. Nothing is allocated
/// for a key of usual length, and each part of it is copied once.
///
/// ```
/// use larder_policy::key::StackBytes;
///
/// let mut bytes = StackBytes::<4>::new();
/// bytes.extend_from_slice(b"abc");
/// bytes.extend_from_slice(b"de");
/// assert_eq!(&*bytes, b"abcde");
/// bytes.truncate(2);
/// assert_eq!(&*bytes, b"ab");
/// ```
#[derive(Clone)]
pub struct StackBytes<const N: usize> {
    few: [u8; N],
    /// How many there are; all of them in `many` if they are more than `N`.
    len: usize,
    many: Vec<u8>,
}

/// Where a key is encoded.
pub type KeyBuf = StackBytes<256>;

/// Where a query is written that differs from the request's.
pub type QueryBuf = StackBytes<256>;

impl<const N: usize> StackBytes<N> {
    /// None.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self {
            few: [0; N],
            len: 0,
            many: Vec::new(),
        }
    }

    /// These.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        let mut new = Self::new();
        new.extend_from_slice(bytes);
        new
    }

    /// Those that there are.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.few.get(..self.len).unwrap_or(&self.many)
    }

    /// Appends these.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.few.get_mut(self.len..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.extend_many(bytes),
        }
    }

    /// Appends one.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    /// Appends one and then these, where there is room for all as if they were one.
    #[inline(always)]
    pub(super) fn push_before(&mut self, first: u8, rest: &[u8]) {
        let end = self.len.saturating_add(rest.len()).saturating_add(1);
        if let Some([place, room @ ..]) = self.few.get_mut(self.len..end) {
            *place = first;
            room.copy_from_slice(rest);
            self.len = end;
        } else {
            self.push(first);
            self.extend_from_slice(rest);
        }
    }

    /// Takes the last one off.
    pub fn pop(&mut self) -> Option<u8> {
        let last = self.last().copied()?;
        self.truncate(self.len.saturating_sub(1));
        Some(last)
    }

    /// Whether there are too many for the stack.
    #[must_use]
    pub const fn is_on_heap(&self) -> bool {
        self.len > N
    }

    /// Keeps the first so many; all, if they are no more.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        if self.is_on_heap() {
            self.many.truncate(len);
            if let Some(room) = self.few.get_mut(..len) {
                room.copy_from_slice(&self.many);
            }
        }
        self.len = len;
    }

    /// Drops all.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    #[cold]
    fn extend_many(&mut self, bytes: &[u8]) {
        if let Some(few) = self.few.get(..self.len) {
            self.many.clear();
            self.many.extend_from_slice(few);
        }
        self.many.extend_from_slice(bytes);
        self.len = self.many.len();
    }
}

impl<const N: usize> Default for StackBytes<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for StackBytes<N> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> DerefMut for StackBytes<N> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.few.get_mut(..self.len).unwrap_or(&mut self.many)
    }
}

impl<const N: usize> AsRef<[u8]> for StackBytes<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> Extend<u8> for StackBytes<N> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        bytes.into_iter().for_each(|byte| self.push(byte));
    }
}

impl<const N: usize> PartialEq for StackBytes<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<const N: usize> Eq for StackBytes<N> {}

impl<const N: usize> Hash for StackBytes<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl<const N: usize> fmt::Debug for StackBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Extend(Vec<u8>),
        Push(u8),
        Pop,
        Truncate(usize),
        Upper,
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => proptest::collection::vec(b'a'..=b'z', 0..12).prop_map(Step::Extend),
            2 => (b'a'..=b'z').prop_map(Step::Push),
            1 => Just(Step::Pop),
            2 => (0..30_usize).prop_map(Step::Truncate),
            1 => Just(Step::Upper),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_is_as_a_vector_whatever_its_length(
            steps in proptest::collection::vec(step(), 0..20),
        ) {
            let (mut bytes, mut vector) = (StackBytes::<8>::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Extend(more) => {
                        bytes.extend_from_slice(&more);
                        vector.extend_from_slice(&more);
                    }
                    Step::Push(byte) => {
                        bytes.push(byte);
                        vector.push(byte);
                    }
                    Step::Pop => prop_assert_eq!(bytes.pop(), vector.pop()),
                    Step::Truncate(len) => {
                        bytes.truncate(len);
                        vector.truncate(len);
                    }
                    Step::Upper => {
                        bytes.make_ascii_uppercase();
                        vector.make_ascii_uppercase();
                    }
                    Step::Clear => {
                        bytes.clear();
                        vector.clear();
                    }
                }
                prop_assert_eq!(bytes.as_slice(), vector.as_slice());
                prop_assert!(bytes == StackBytes::from_slice(&vector));
            }
        }
    }
}
