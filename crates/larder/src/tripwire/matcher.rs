//! [`Matcher`]: finds any of some strings in text that comes in pieces.

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;

/// A string to look for.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    pub(super) bytes: Vec<u8>,
    /// Nothing alphanumeric may stand right before it.
    pub(super) bounded_before: bool,
    /// Nothing alphanumeric may stand right after it.
    pub(super) bounded_after: bool,
}

/// An automaton for all needles at once, in whatever case their ASCII letters are.
#[derive(Debug)]
pub(super) struct Matcher {
    automaton: NFA,
    start: StateID,
    needles: Vec<Needle>,
    longest: usize,
}

impl Matcher {
    /// `None`: the automaton would be larger than the library makes one.
    pub(super) fn new(needles: Vec<Needle>) -> Option<Self> {
        let patterns = needles.iter().map(|needle| &needle.bytes);
        let automaton = NFA::builder()
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(patterns)
            .ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        let longest = automaton.max_pattern_len();
        Some(Self {
            automaton,
            start,
            needles,
            longest,
        })
    }
}

/// How far a text has been searched.
#[derive(Debug, Clone)]
pub(super) struct Search {
    state: StateID,
    /// The last bytes of the text, as many as the longest needle has.
    tail: Vec<u8>,
    /// A needle ended with the text so far, at this place of the body: it counts if nothing
    /// alphanumeric comes next.
    open: Option<u64>,
}

impl Search {
    pub(super) fn new(matcher: &Matcher) -> Self {
        Self {
            state: matcher.start,
            tail: Vec::new(),
            open: None,
        }
    }

    /// Searches the next piece of the text, which ends at this place of the body. Where a needle
    /// ends, if one does.
    pub(super) fn next(&mut self, matcher: &Matcher, piece: &[u8], end: u64) -> Option<u64> {
        let first = piece.first()?;
        if let Some(open) = self.open.take()
            && !first.is_ascii_alphanumeric()
        {
            return Some(open);
        }
        let automaton = &matcher.automaton;
        for (index, byte) in piece.iter().enumerate() {
            self.state = automaton.next_state(Anchored::No, self.state, *byte);
            if automaton.is_match(self.state) {
                let place = end - (piece.len() - index - 1) as u64;
                match self.found(matcher, piece, index) {
                    Found::Needle => return Some(place),
                    Found::Open => self.open = Some(place),
                    Found::No => {}
                }
            }
        }
        self.remember(piece, matcher.longest);
        None
    }

    /// The text has ended. Where a needle ends that ended with it.
    pub(super) fn finish(&self) -> Option<u64> {
        self.open
    }

    /// Whether one of the needles that end with this byte stands by itself.
    fn found(&self, matcher: &Matcher, piece: &[u8], index: usize) -> Found {
        let automaton = &matcher.automaton;
        let mut found = Found::No;
        for which in 0..automaton.match_len(self.state) {
            let pattern = automaton.match_pattern(self.state, which);
            let Some(needle) = matcher.needles.get(pattern.as_usize()) else {
                continue;
            };
            let before = self.before(piece, index, needle.bytes.len());
            if needle.bounded_before && before.is_some_and(u8::is_ascii_alphanumeric) {
                continue;
            }
            match piece.get(index + 1) {
                _ if !needle.bounded_after => return Found::Needle,
                Some(after) if after.is_ascii_alphanumeric() => {}
                Some(_) => return Found::Needle,
                None => found = Found::Open,
            }
        }
        found
    }

    /// The byte before a needle of this length whose last byte this is.
    fn before<'a>(&'a self, piece: &'a [u8], last: usize, length: usize) -> Option<&'a u8> {
        match last.checked_sub(length) {
            Some(before) => piece.get(before),
            None => self.tail.get((self.tail.len() + last).checked_sub(length)?),
        }
    }

    fn remember(&mut self, piece: &[u8], bytes: usize) {
        let new = piece.get(piece.len().saturating_sub(bytes)..);
        let new = new.unwrap_or_default();
        let kept = bytes - new.len();
        self.tail.drain(..self.tail.len().saturating_sub(kept));
        self.tail.extend_from_slice(new);
    }
}

enum Found {
    Needle,
    No,
    /// What comes next decides.
    Open,
}
