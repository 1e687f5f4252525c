//! [`Naming`]: from what a response is called to the hashes by which it is purged.
//!
//! Hashes are of 64 bits and keyed: anew for each cache, or alike for all that share a store. Should two
//! names have the same one, a purge of the one drops what has the other: an extra miss.

use std::hash::{BuildHasher, Hasher};

use larder_policy::SkipReason;
use larder_policy::fields::usable_tags;
use larder_policy::key::{KeyBuf, Partition, Target};
use rapidhash::quality::RandomState;
use siphasher::sip::SipHasher24;
use smallvec::SmallVec;

use crate::place::Place;

/// Prefixes of so many segments are kept apart; a purge of a longer one drops what has the first of
/// them.
const MAX_SEGMENTS: usize = 32;

/// So many hashes a target has at most: URL, resource, origin, partition and prefixes.
pub(crate) const MAX_OF_TARGET: usize = MAX_SEGMENTS + 4;

/// Nearly always room enough for what a request gives.
pub(crate) type Hashes = SmallVec<[u64; 12]>;

#[derive(Debug, Clone)]
pub(crate) enum Naming {
    /// Of one process. Two names are the same if their hashes are, so it is the better of two hashers that
    /// counts.
    Own(RandomState),
    /// Of all that have the key, on all machines and in all versions.
    Common(Box<SipHasher24>),
}

/// What a name is of. The numbers are known to other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Group = 1,
    Origin = 2,
    Partition = 3,
    Prefix = 4,
    Resource = 5,
    Tag = 6,
    Url = 7,
}

impl Default for Naming {
    fn default() -> Self {
        Self::Own(RandomState::default())
    }
}

impl Naming {
    /// The same for all that have this key.
    pub(crate) fn common(key: &[u8; 16]) -> Self {
        Self::Common(Box::new(SipHasher24::new_with_key(key)))
    }

    fn hash(&self, kind: Kind, bytes: &[u8]) -> u64 {
        self.hash_parts(kind, &[bytes])
    }

    fn hash_parts(&self, kind: Kind, parts: &[&[u8]]) -> u64 {
        match self {
            Self::Own(state) => feed(state.build_hasher(), kind, parts),
            Self::Common(keyed) => feed(**keyed, kind, parts),
        }
    }

    pub(crate) fn tag(&self, tag: &str) -> u64 {
        self.hash(Kind::Tag, tag.as_bytes())
    }

    /// All tags of one source, or why nothing is to be stored with them.
    pub(crate) fn tags<'a>(
        &self,
        tags: impl Iterator<Item = &'a str>,
    ) -> Result<Hashes, SkipReason> {
        let tags = usable_tags(tags.map(str::as_bytes))?;
        Ok(tags.into_iter().map(|tag| self.tag(tag)).collect())
    }

    /// A cache group, which means nothing beyond its origin (RFC 9875 section 2).
    pub(crate) fn group(&self, target: &Target<'_>, group: &str) -> u64 {
        let mut bytes = KeyBuf::new();
        target.origin_bytes(&mut bytes);
        bytes.extend_from_slice(group.as_bytes());
        self.hash(Kind::Group, bytes.as_slice())
    }

    /// Host, port, path and query, whatever the scheme, the method, the partition and the variant.
    pub(crate) fn url(&self, target: &Target<'_>) -> u64 {
        let resource = self.resource(target.path(), target.query());
        self.url_of(self.origin(target), resource)
    }

    /// The same, of what is on all hosts and which host it is.
    fn url_of(&self, origin: u64, resource: u64) -> u64 {
        self.hash_parts(Kind::Url, &[&origin.to_le_bytes(), &resource.to_le_bytes()])
    }

    /// Path and query, on all hosts.
    pub(crate) fn resource(&self, path: &str, query: Option<&str>) -> u64 {
        self.resource_of(path.as_bytes(), query.map(str::as_bytes))
    }

    fn resource_of(&self, path: &[u8], query: Option<&[u8]>) -> u64 {
        match query {
            None => self.hash(Kind::Resource, path),
            Some(query) => self.hash_parts(Kind::Resource, &[path, query]),
        }
    }

    /// Host and port.
    pub(crate) fn origin(&self, target: &Target<'_>) -> u64 {
        let mut bytes = KeyBuf::new();
        target.origin_bytes(&mut bytes);
        self.hash(Kind::Origin, bytes.as_slice())
    }

    /// What is kept for all has none.
    pub(crate) fn partition(&self, partition: &Partition) -> Option<u64> {
        if partition.is_shared() {
            return None;
        }
        let mut bytes = KeyBuf::new();
        partition.encode_into(&mut bytes);
        Some(self.hash(Kind::Partition, bytes.as_slice()))
    }

    /// Everything at a path and below it; `None` for the root.
    pub(crate) fn prefix(&self, path: &str) -> Option<u64> {
        let path = prefixes(path.as_bytes()).last()?;
        Some(self.hash(Kind::Prefix, path))
    }

    /// All that the request alone gives.
    pub(crate) fn of_request(&self, place: &Place) -> Hashes {
        let origin = self.hash(Kind::Origin, place.origin());
        let resource = self.resource_of(place.path(), place.query());
        let mut hashes = Hashes::new();
        hashes.extend([self.url_of(origin, resource), resource, origin]);
        // What is kept for all has none.
        let partition = place.partition();
        hashes.extend(partition.map(|partition| self.hash(Kind::Partition, partition)));
        let prefixes = prefixes(place.path());
        hashes.extend(prefixes.map(|path| self.hash(Kind::Prefix, path)));
        hashes
    }
}

/// Each part with its length before it, so that no two lists of parts are the same bytes.
fn feed(mut hasher: impl Hasher, kind: Kind, parts: &[&[u8]]) -> u64 {
    hasher.write(&[kind as u8]);
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish()
}

/// The path cut after each of its first segments, from the shortest on. One slash at the end of the
/// path counts for nothing.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = path.strip_suffix(b"/").unwrap_or(path);
    let cuts = memchr::memchr_iter(b'/', whole).skip(1);
    let cuts = cuts.map(|cut| whole.get(..cut).unwrap_or(whole));
    let last = (!whole.is_empty()).then_some(whole);
    cuts.chain(last).take(MAX_SEGMENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_after_each_segment() {
        let text = |cut: &[u8]| String::from_utf8_lossy(cut).into_owned();
        let cut = |path: &str| prefixes(path.as_bytes()).map(text).collect::<Vec<_>>();
        assert_eq!(cut("/a/b/c"), ["/a", "/a/b", "/a/b/c"]);
        assert_eq!(cut("/a/b/"), ["/a", "/a/b"]);
        assert_eq!(cut("/a//b"), ["/a", "/a/", "/a//b"]);
        assert_eq!(cut("/a"), ["/a"]);
        assert!(cut("/").is_empty());
        let long = "/x".repeat(100);
        assert_eq!(cut(&long).len(), MAX_SEGMENTS);
    }

    #[test]
    fn a_prefix_is_among_those_of_what_is_below_it_and_of_nothing_else() {
        let naming = Naming::default();
        let has = |path: &str, prefix: &str| {
            let hash = naming.prefix(prefix).unwrap();
            prefixes(path.as_bytes()).any(|cut| naming.hash(Kind::Prefix, cut) == hash)
        };
        for path in ["/a", "/a/", "/a/b", "/a/b/c"] {
            assert!(has(path, "/a") && has(path, "/a/"), "{path}");
        }
        for path in ["/", "/ab", "/b/a", "//a"] {
            assert!(!has(path, "/a"), "{path}");
        }
        let deep = "/x".repeat(100);
        assert!(has(&deep, &deep) && has(&"/x".repeat(40), &deep));
        assert!(naming.prefix("/").is_none());
    }

    /// Nobody outside can know which names have the same hash.
    #[test]
    fn hashes_are_keyed_anew_for_each_cache() {
        let mut hashes: Vec<_> = (0..4).map(|_| Naming::default().tag("a")).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 4);
    }

    /// Other processes, of other versions, on other machines, have stored these.
    #[test]
    fn common_hashes_are_the_same_for_ever() {
        let naming = Naming::common(&[7; 16]);
        let uri = "http://shop.example:81/a/b?c".parse().unwrap();
        let target = Target::from_request(&uri, None, None).unwrap();
        let hashes = naming.of_request(&Place::new(&target, &Partition::shared()));
        assert_eq!(hashes.as_slice(), COMMON_OF_REQUEST);
        assert_eq!(naming.tag("product:42"), COMMON_OF_TAG);
        assert_ne!(naming.resource("/a", None), naming.resource("/a", Some("")));
    }

    /// What is purged by a name has it.
    #[test]
    fn a_request_has_the_names_that_its_parts_have() {
        let naming = Naming::default();
        for uri in ["http://shop.example/a/b?c", "http://a:81/?", "/a//b", "/"] {
            let uri = uri.parse().unwrap();
            let target = Target::from_request(&uri, None, None).unwrap();
            for partition in [Partition::shared(), Partition::of("user", b"7").unwrap()] {
                let hashes = naming.of_request(&Place::new(&target, &partition));
                let (path, query) = (target.path(), target.query());
                let parts = [naming.url(&target), naming.resource(path, query)];
                let own = [naming.partition(&partition), naming.prefix(path)];
                let parts = parts.into_iter().chain([naming.origin(&target)]);
                let mut parts = parts.chain(own.into_iter().flatten());
                assert!(parts.all(|part| hashes.contains(&part)), "{uri}");
            }
        }
    }

    const COMMON_OF_REQUEST: [u64; 5] = [
        6086607574895731863,
        2365910657189628524,
        5063566955818014332,
        11406877792984974241,
        3259743484720130337,
    ];
    const COMMON_OF_TAG: u64 = 13590154967449718448;
}
