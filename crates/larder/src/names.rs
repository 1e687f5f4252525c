//! [`Names`]: everything by which a stored response can be purged, as hashes.

use std::sync::Arc;

/// Who gave a name. A new response replaces what the old one gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// URL, partition, and the tags of its route.
    Request,
    /// The handler, with a hint.
    Hint,
    /// Header fields with tags.
    Fields,
    /// Cache groups (RFC 9875).
    Groups,
}

pub(crate) const SOURCES: usize = Source::Groups as usize + 1;

/// The hashes of what a stored response can be purged by, source by source. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    hashes: Arc<[u64]>,
    /// Where those of each source end.
    ends: [u16; SOURCES],
}

/// So many hashes a stored response has at most; the limits of each source keep far below.
const MAX_HASHES: usize = u16::MAX as usize;

impl Names {
    /// What the request gives.
    pub(crate) fn of_request(hashes: &[u64]) -> Self {
        let hashes = hashes.get(..MAX_HASHES).unwrap_or(hashes);
        Self {
            ends: [narrow(hashes.len()); SOURCES],
            hashes: Arc::from(hashes),
        }
    }

    /// So many of each source, in the order of the sources. `None`: there are more or fewer hashes, or
    /// too many.
    pub(crate) fn from_counts(
        counts: [u16; SOURCES],
        hashes: impl Iterator<Item = u64>,
    ) -> Option<Self> {
        let (mut ends, mut all) = (counts, 0u16);
        for end in &mut ends {
            all = all.checked_add(*end)?;
            *end = all;
        }
        let hashes: Arc<[u64]> = hashes.collect();
        (hashes.len() == usize::from(all)).then_some(Self { hashes, ends })
    }

    /// How many each source gave.
    pub(crate) fn counts(&self) -> [u16; SOURCES] {
        let mut before = 0;
        self.ends.map(|end| {
            let count = end.saturating_sub(before);
            before = end;
            count
        })
    }

    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// What one source gave.
    pub(crate) fn of(&self, source: Source) -> &[u64] {
        let at = source as usize;
        let begin = at.checked_sub(1).map_or(0, |before| self.end(before));
        self.hashes.get(begin..self.end(at)).unwrap_or_default()
    }

    /// The same with these in place of what the source gave.
    #[must_use]
    pub(crate) fn with(&self, source: Source, hashes: &[u64]) -> Self {
        if self.of(source) == hashes {
            return self.clone();
        }
        let mut all = Vec::with_capacity(self.hashes.len() + hashes.len());
        let mut ends = [0; SOURCES];
        let sources = [
            Source::Request,
            Source::Hint,
            Source::Fields,
            Source::Groups,
        ];
        for (of, end) in sources.into_iter().zip(&mut ends) {
            all.extend_from_slice(if of == source { hashes } else { self.of(of) });
            all.truncate(MAX_HASHES);
            *end = narrow(all.len());
        }
        Self {
            hashes: all.into(),
            ends,
        }
    }

    /// The same with what the source gave to others, too.
    #[must_use]
    pub(crate) fn joined(&self, source: Source, others: &Self) -> Self {
        let (known, others) = (self.of(source), others.of(source));
        let new = |hash: &&u64| !known.contains(hash);
        if known == others || !others.iter().any(|hash| new(&hash)) {
            return self.clone();
        }
        let mut all = known.to_vec();
        all.extend(others.iter().filter(new));
        self.with(source, &all)
    }

    /// In bytes.
    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.hashes)
    }

    fn end(&self, source: usize) -> usize {
        self.ends.get(source).copied().map_or(0, usize::from)
    }
}

fn narrow(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_replaced_by_itself() {
        let names = Names::of_request(&[1, 2]);
        let names = names.with(Source::Groups, &[9]).with(Source::Hint, &[5, 6]);
        assert_eq!(names.hashes(), [1, 2, 5, 6, 9]);
        let names = names.with(Source::Hint, &[7]).with(Source::Fields, &[8]);
        assert_eq!(names.hashes(), [1, 2, 7, 8, 9]);
        assert_eq!(names.of(Source::Request), [1, 2]);
        assert_eq!(names.of(Source::Hint), [7]);
        let names = names.with(Source::Hint, &[]).with(Source::Request, &[3]);
        assert_eq!(names.hashes(), [3, 8, 9]);
        assert_eq!(names.of(Source::Groups), [9]);
    }

    #[test]
    fn what_one_source_gave_twice_is_joined_without_repetition() {
        let names = Names::of_request(&[1, 2]).with(Source::Hint, &[5]);
        let others = Names::of_request(&[2, 3]).with(Source::Hint, &[6]);
        assert_eq!(
            names.joined(Source::Request, &others).hashes(),
            [1, 2, 3, 5]
        );
        assert_eq!(names.joined(Source::Groups, &others).hashes(), [1, 2, 5]);
    }
}
