//! All stored responses under one primary key.

use std::iter;
use std::sync::Arc;

use http::HeaderMap;
use larder_policy::key::{KeyBuf, Selection};
use smallvec::SmallVec;

use crate::entry::Entry;
use crate::stamps::Stamps;

/// How many variants a primary key may hold, and how many bytes in all. The oldest goes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VariantLimits {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// The stored responses of one primary key, at least one and nearly always no more.
#[derive(Debug)]
pub(crate) struct Variants {
    newest: Arc<Entry>,
    older: Option<Box<Older>>,
}

/// The others, newest first. Few keys have any, and all have room for this.
#[derive(Debug, Clone)]
struct Older(Vec<Arc<Entry>>);

/// What a look among the variants found.
#[derive(Debug)]
pub(crate) enum Selected<'a> {
    /// No stored response is alive.
    None,
    /// Some are, but their selecting fields differ from the request's. Those of the most recent.
    Mismatch(&'a Selection),
    Match(&'a Arc<Entry>),
}

impl Variants {
    /// The live variant that answers the request: of those that match, the most recent by `Date`,
    /// but one that names its selecting fields before one that leaves them out (RFC 9111
    /// section 4.1).
    pub(crate) fn select(&self, request: &HeaderMap, stamps: &Stamps) -> Selected<'_> {
        if self.older.is_none() {
            let (entry, selection) = (&self.newest, self.newest.head.selection());
            return match entry.is_live(stamps) {
                false => Selected::None,
                true if selection.matches(request) => Selected::Match(entry),
                true => Selected::Mismatch(selection),
            };
        }
        self.select_of_several(request, stamps)
    }

    fn select_of_several(&self, request: &HeaderMap, stamps: &Stamps) -> Selected<'_> {
        let rank = |entry: &Entry| {
            let names_fields = !entry.head.selection().names().is_empty();
            (names_fields, entry.head.date())
        };
        let mut encoded = Encoded::default();
        let mut found = Selected::None;
        for entry in self.iter().filter(|entry| entry.is_live(stamps)) {
            let matches = encoded.matches(entry.head.selection(), request);
            found = match found {
                Selected::Match(best) if !matches || rank(best) >= rank(entry) => found,
                _ if matches => Selected::Match(entry),
                Selected::Mismatch(_) => found,
                _ => Selected::Mismatch(entry.head.selection()),
            };
        }
        found
    }

    pub(crate) fn of(entry: Arc<Entry>) -> Self {
        Self {
            newest: entry,
            older: None,
        }
    }

    /// These variants with `entry` in place of the one it supersedes. Where that [knows
    /// more](Entry::outdates), `entry` came late, and these variants stay as they are.
    pub(crate) fn with(&self, entry: Arc<Entry>, limits: VariantLimits, stamps: &Stamps) -> Self {
        let selection = entry.head.selection();
        let (same, others): (SmallVec<[_; 1]>, SmallVec<[_; 1]>) = self
            .iter()
            .filter(|old| old.is_live(stamps))
            .partition(|old| old.head.selection() == selection);
        if same.iter().any(|old| old.outdates(&entry, stamps)) {
            return Self {
                newest: Arc::clone(&self.newest),
                older: self.older.clone(),
            };
        }
        let mut bytes = entry.weight();
        let mut older = Vec::new();
        for old in others {
            bytes += old.weight();
            if older.len() + 1 >= limits.count || bytes > limits.bytes {
                break;
            }
            older.push(Arc::clone(old));
        }
        Self::new(entry, older)
    }

    /// These variants without `entry`; `None` when it was the last.
    pub(crate) fn without(&self, entry: &Arc<Entry>) -> Option<Self> {
        let mut rest = self.iter().filter(|old| !Arc::ptr_eq(old, entry)).cloned();
        Some(Self::new(rest.next()?, rest.collect()))
    }

    fn new(newest: Arc<Entry>, mut older: Vec<Arc<Entry>>) -> Self {
        older.shrink_to_fit();
        let older = (!older.is_empty()).then(|| Box::new(Older(older)));
        Self { newest, older }
    }

    fn older(&self) -> &[Arc<Entry>] {
        self.older.as_ref().map_or(&[], |older| &older.0)
    }

    pub(crate) fn contains(&self, entry: &Arc<Entry>) -> bool {
        self.iter().any(|old| Arc::ptr_eq(old, entry))
    }

    pub(crate) fn newest(&self) -> &Arc<Entry> {
        &self.newest
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        iter::once(&self.newest).chain(self.older())
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.older().len()
    }

    pub(crate) fn weight(&self) -> usize {
        self.iter().map(|entry| entry.weight()).sum()
    }
}

/// The request's selecting values, encoded once for each list of names: variants of one key nearly
/// always share theirs.
#[derive(Default)]
struct Encoded<'a> {
    rule: Option<&'a Selection>,
    values: KeyBuf,
}

impl<'a> Encoded<'a> {
    fn matches(&mut self, selection: &'a Selection, request: &HeaderMap) -> bool {
        if selection.names().is_empty() {
            return true;
        }
        if self
            .rule
            .is_none_or(|rule| rule.names() != selection.names())
        {
            self.values.clear();
            Selection::encode(selection.names(), request, &mut self.values);
            self.rule = Some(selection);
        }
        selection.encoded() == self.values.as_slice()
    }
}
