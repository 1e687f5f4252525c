//! The inputs of a request that are not in its key: recorded with what it filled, by name and keyed
//! hash, and compared with those of a request that is answered from it.

use std::hash::BuildHasher;
use std::mem::size_of;
use std::sync::{Mutex, PoisonError};

use http::Request;
use http::header::HeaderName;
use larder_policy::Mode;
use larder_policy::key::{Input, InputKind, Key, KeyBuf, Partition, Selection};

use crate::context::Context;
use crate::extension_types::ExtensionType;
use crate::suspicion::Suspicion;

/// The name of an input, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) kind: InputKind,
    pub(crate) bytes: Box<[u8]>,
}

impl Name {
    /// To be told to people: text without control characters, and not too much of it.
    pub(crate) fn told(&self) -> Input {
        let text = String::from_utf8_lossy(&self.bytes);
        let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let told: String = text.chars().map(visible).take(MAX_TOLD_CHARS).collect();
        Input::new(self.kind, &told)
    }
}

/// One input. What cannot be compared has no hash.
#[derive(Debug)]
struct Recorded {
    name: Name,
    hash: Option<u64>,
}

/// The inputs of one request that are not in its key.
#[derive(Debug, Default)]
pub(crate) struct Inputs(Vec<Recorded>);

impl Inputs {
    pub(crate) fn of<B>(context: &Context, request: &Request<B>) -> Self {
        let mut found = Self::default();
        let (key, hasher) = (context.key.as_deref(), &context.cache.shared().hasher);
        let target = context.target_of(request);
        let hash = |before: u64, value: &[u8]| hasher.hash_one(("input", before, value));
        let headers = request.headers();
        context
            .policy
            .for_each_unkeyed(key, target, headers, |kind, name, value| {
                found.add(kind, name, |before| Some(hash(before, value)));
            });
        let extensions = request.extensions();
        if key.is_some_and(Key::is_by_route) && context.route_name(extensions).is_some() {
            let path = target.path().as_bytes();
            found.add(InputKind::Path, b"", |before| Some(hash(before, path)));
        }
        context.for_each_unkeyed_identity(|of| {
            if !of.is_in(extensions) {
                return;
            }
            let bytes = of.partition(extensions).as_ref().map(bytes_of);
            // In a partition of one user, what a type says that cannot be compared is that user's.
            if bytes.is_some() || context.policy.mode() == Mode::Shared {
                let name = of.name().as_bytes();
                found.add(InputKind::Extension, name, |before| {
                    Some(hash(before, bytes.as_deref()?))
                });
            }
        });
        found
    }

    /// An input that is sent more than once is one.
    fn add(&mut self, kind: InputKind, name: &[u8], hash: impl FnOnce(u64) -> Option<u64>) {
        let known = self
            .0
            .iter_mut()
            .find(|known| known.name.kind == kind && *known.name.bytes == *name);
        if let Some(known) = known {
            known.hash = known.hash.and_then(hash);
        } else if self.0.len() < MAX_INPUTS {
            let (name, hash) = (name.into(), hash(0));
            let name = Name { kind, bytes: name };
            self.0.push(Recorded { name, hash });
        }
    }

    fn get(&self, name: &Name) -> Option<&Recorded> {
        self.0.iter().find(|known| known.name == *name)
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.get(name).is_some()
    }

    /// What this request has and the other has not, or not with the same value, but for what the
    /// selecting fields tell apart.
    pub(crate) fn differing(&self, other: &Self, selection: &Selection) -> Vec<Name> {
        let differs = |mine: &&Recorded| {
            let theirs = other.get(&mine.name).and_then(|theirs| theirs.hash);
            (theirs.is_none() || theirs != mine.hash) && !is_selecting(&mine.name, selection)
        };
        let differing = self.0.iter().filter(differs);
        differing.map(|mine| mine.name.clone()).collect()
    }

    fn weight(&self) -> usize {
        let names: usize = self.0.iter().map(|known| known.name.bytes.len()).sum();
        names + self.0.capacity() * size_of::<Recorded>()
    }
}

/// `Vary` names the field: values that mean the same select the same.
fn is_selecting(name: &Name, selection: &Selection) -> bool {
    let is_field = |field: &HeaderName| field.as_str().as_bytes() == &*name.bytes;
    name.kind == InputKind::Header && selection.names().iter().any(is_field)
}

fn bytes_of(partition: &Partition) -> KeyBuf {
    let mut bytes = KeyBuf::new();
    partition.encode_into(&mut bytes);
    bytes
}

impl Context {
    /// The types that say who asks and that are not in the key.
    pub(crate) fn for_each_unkeyed_identity(&self, mut each: impl FnMut(&ExtensionType)) {
        let shared = self.cache.shared();
        let own = self.identify.as_ref().and_then(|identify| identify.of);
        shared.identities.for_each(|of| {
            let keyed = own.is_some_and(|own| own.is_same(of))
                || (self.key.as_ref()).is_some_and(|key| key.declares_extension_type(of.id()))
                || shared.neutral_extensions.has(of);
            if !keyed {
                each(of);
            }
        });
    }
}

/// What is kept with a stored response to check it by.
#[derive(Debug)]
pub(crate) struct Record {
    /// Those of the request that filled it, as the inner service saw it.
    pub(crate) inputs: Inputs,
    suspicion: Mutex<Suspicion<Name>>,
}

impl Record {
    pub(crate) fn of<B>(context: &Context, request: &Request<B>) -> Self {
        let mut inputs = Inputs::of(context, request);
        inputs.0.shrink_to_fit();
        Self {
            inputs,
            suspicion: Mutex::default(),
        }
    }

    /// In bytes.
    pub(crate) fn weight(&self) -> usize {
        self.inputs.weight() + size_of::<Self>()
    }

    /// The response to a request that differs in these inputs was another.
    pub(crate) fn differed(&self, inputs: &[Name]) {
        let mut suspicion = self
            .suspicion
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        suspicion.differed(inputs);
    }

    /// The response to a request that differs in these inputs was the same. Which inputs that and
    /// what came before convicts.
    pub(crate) fn agreed(&self, inputs: &[Name]) -> Vec<Name> {
        let mut suspicion = self
            .suspicion
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        suspicion.agreed(inputs)
    }
}

/// So many inputs of a request are looked at; a request may have any number.
const MAX_INPUTS: usize = 64;
const MAX_TOLD_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_told_without_control_characters_and_not_at_any_length() {
        let told = |bytes: &[u8]| {
            let bytes = bytes.into();
            let kind = InputKind::Cookie;
            Name { kind, bytes }.told().name().to_owned()
        };
        assert_eq!(told(b"theme"), "theme");
        assert_eq!(
            told(b"a\r\nWARN b\x1b[31m"),
            "a\u{fffd}\u{fffd}WARN b\u{fffd}[31m"
        );
        assert_eq!(told(b"\xff"), "\u{fffd}");
        assert_eq!(told(&[b'x'; 1000]).len(), 80);
    }

    fn inputs(list: &[(&str, Option<u64>)]) -> Inputs {
        let mut inputs = Inputs::default();
        for (name, hash) in list {
            inputs.add(InputKind::Header, name.as_bytes(), |_| *hash);
        }
        inputs
    }

    #[test]
    fn what_cannot_be_compared_differs() {
        let none = Selection::of(&[], &http::HeaderMap::new());
        let (mine, theirs) = (
            inputs(&[("a", Some(1)), ("b", Some(1)), ("c", None), ("d", Some(1))]),
            inputs(&[("a", Some(1)), ("b", Some(2)), ("c", None), ("e", Some(1))]),
        );
        let differing = mine.differing(&theirs, &none);
        let names: Vec<_> = differing.iter().map(|name| &*name.bytes).collect();
        assert_eq!(names, [b"b", b"c", b"d"]);
    }

    #[test]
    fn input_that_is_sent_twice_is_one_and_their_number_is_bounded() {
        let mut inputs = inputs(&[("a", Some(1))]);
        inputs.add(InputKind::Header, b"a", |before| Some(before + 1));
        inputs.add(InputKind::Cookie, b"a", |before| Some(before + 7));
        let hashes: Vec<_> = inputs.0.iter().map(|known| known.hash).collect();
        assert_eq!(hashes, [Some(2), Some(7)]);
        for at in 0..1000u32 {
            inputs.add(InputKind::Query, &at.to_be_bytes(), Some);
        }
        assert_eq!(inputs.0.len(), MAX_INPUTS);
    }
}
