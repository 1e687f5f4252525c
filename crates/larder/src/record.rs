//! What is kept of a request with the response that it brought: the names and keyed hashes of the inputs
//! that are not in its key.

use std::mem::size_of;
use std::sync::{Mutex, PoisonError};

use http::header::HeaderName;
use larder_policy::key::{Input, InputKind, Selection};

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
    /// An input that is sent more than once is one.
    pub(crate) fn add(
        &mut self,
        kind: InputKind,
        name: &[u8],
        hash: impl FnOnce(u64) -> Option<u64>,
    ) {
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

/// What is kept with a stored response to check it by.
#[derive(Debug)]
pub(crate) struct Record {
    /// Those of the request that filled it, as the inner service saw it.
    pub(crate) inputs: Inputs,
    suspicion: Mutex<Suspicion<Name>>,
}

impl Record {
    pub(crate) fn new(mut inputs: Inputs) -> Self {
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
