//! Tags in header fields, by which stored responses are purged.
//!
//! A tag that is dropped is a purge that is lost without a word. So nothing is cut off or skipped:
//! what has tags that cannot be kept is not stored.

use http::{HeaderMap, HeaderName};

use super::list::trim_ows;
use crate::reason::SkipReason;

/// So many different tags a response may have from each source: its route, its handler, and its
/// header fields.
pub const MAX_TAGS: usize = 256;

/// So many bytes a tag may have.
pub const MAX_TAG_BYTES: usize = 1024;

/// So many bytes the different tags of one source may have together.
pub const MAX_TAGS_BYTES: usize = 16 * 1024;

/// Which header fields of responses hold tags, and whether clients see them. By default these:
///
/// | field | of | tags are separated by |
/// |---|---|---|
/// | `Cache-Tag` | Cloudflare and others | commas; a tag may have spaces inside |
/// | `Surrogate-Key` | Fastly | spaces |
/// | `xkey` | Varnish | spaces or commas |
///
/// ```
/// use http::HeaderName;
/// use larder_policy::Policy;
/// use larder_policy::fields::{TagFields, TagSeparator};
///
/// let akamai = HeaderName::from_static("edge-cache-tag");
/// let fields = TagFields::new().and(akamai, TagSeparator::Comma).stripped();
/// let policy = Policy::shared().with_tag_fields(fields);
/// # drop(policy);
/// ```
///
/// Tags are compared byte by byte, so `Brand` is not `brand`. The lines of a field, and all fields,
/// count together. Nothing is quoted: quotation marks are part of a tag. Empty tags are none.
///
/// # Limits
///
/// A response is not stored if the different tags in its fields are more than [`MAX_TAGS`] (256) or
/// longer than [`MAX_TAG_BYTES`] (1,024 bytes) or together [`MAX_TAGS_BYTES`] (16 KiB), or if one is
/// not UTF-8, so that nobody could name it: a purge of a tag that was left out would miss it. The same
/// holds for those of its route and of its handler, each counted by itself.
///
/// # Validation
///
/// A 304 replaces the tags of those fields that it has, and leaves the others (RFC 9111 section 3.2).
///
/// # What clients see
///
/// By default the fields are relayed: another cache on the way to the client, such as a CDN, may be
/// purged by them, and takes them out itself. Where there is none, they tell clients what the
/// application calls its things inside; [`stripped`](Self::stripped) takes them out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a setting does nothing until a policy has it"]
pub struct TagFields {
    fields: Vec<(HeaderName, TagSeparator)>,
    stripped: bool,
}

/// What stands between two tags. Spaces are spaces and tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TagSeparator {
    /// Commas, with or without spaces around them.
    Comma,
    /// Commas or spaces.
    CommaOrSpace,
    /// Spaces.
    Space,
}

impl TagFields {
    /// `Cache-Tag`, `Surrogate-Key` and `xkey`, relayed to clients.
    pub fn new() -> Self {
        let fields = [
            ("cache-tag", TagSeparator::Comma),
            ("surrogate-key", TagSeparator::Space),
            ("xkey", TagSeparator::CommaOrSpace),
        ];
        let named = |(name, separator)| (HeaderName::from_static(name), separator);
        Self {
            fields: fields.map(named).into(),
            stripped: false,
        }
    }

    /// No field, for responses whose fields of these names mean something else, and to begin a list
    /// with.
    pub const fn none() -> Self {
        Self {
            fields: Vec::new(),
            stripped: false,
        }
    }

    /// One more field. One that was there already is read like this.
    pub fn and(mut self, name: HeaderName, separator: TagSeparator) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, separator));
        self
    }

    /// Takes these fields out of every response to a client: what was forwarded, what is stored, and
    /// 304s alike. Another cache on the way learns no tags by them then, nor does one of ours around
    /// this one. Default: they are relayed.
    pub fn stripped(self) -> Self {
        Self {
            stripped: true,
            ..self
        }
    }

    /// Whether these fields are taken out of responses to clients.
    #[must_use]
    pub const fn is_stripped(&self) -> bool {
        self.stripped
    }

    /// Takes these fields out of a response, if clients are not to see them.
    pub fn strip_from(&self, headers: &mut HeaderMap) {
        if self.stripped {
            for name in self.names() {
                headers.remove(name);
            }
        }
    }

    /// The tags of a response: [`usable_tags`] of these fields.
    ///
    /// # Errors
    ///
    /// Why a response with these tags is not to be stored: [`SkipReason::InvalidTag`] or
    /// [`SkipReason::TooManyTags`].
    pub fn tags<'a>(&self, headers: &'a HeaderMap) -> Result<Vec<&'a str>, SkipReason> {
        let lines = headers.iter();
        self.tags_of_lines(lines.map(|(name, line)| (name, line.as_bytes())))
    }

    pub(crate) fn tags_of_lines<'a>(
        &self,
        lines: impl IntoIterator<Item = (&'a HeaderName, &'a [u8])>,
    ) -> Result<Vec<&'a str>, SkipReason> {
        let mut tags = Vec::new();
        for (name, line) in lines {
            if let Some(separator) = self.separator(name) {
                let separates = |byte: &u8| separator.separates(*byte);
                tags.extend(line.split(separates).map(trim_ows));
            }
        }
        usable_tags(tags)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &HeaderName> + Clone {
        self.fields.iter().map(|(name, _)| name)
    }

    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.separator(name).is_some()
    }

    fn separator(&self, name: &HeaderName) -> Option<TagSeparator> {
        let mut fields = self.fields.iter();
        let (_, separator) = fields.find(|(known, _)| known == name)?;
        Some(*separator)
    }
}

impl Default for TagFields {
    fn default() -> Self {
        Self::new()
    }
}

impl TagSeparator {
    const fn separates(self, byte: u8) -> bool {
        match self {
            Self::Comma => byte == b',',
            Self::CommaOrSpace => matches!(byte, b',' | b' ' | b'\t'),
            Self::Space => matches!(byte, b' ' | b'\t'),
        }
    }
}

/// The different tags of one source, without empty ones, in the order of their bytes.
///
/// # Errors
///
/// [`SkipReason::TooManyTags`] if they exceed [`MAX_TAGS`], [`MAX_TAG_BYTES`] or [`MAX_TAGS_BYTES`],
/// and [`SkipReason::InvalidTag`] if one is not UTF-8: a response with them is not to be stored.
pub fn usable_tags<'a>(
    tags: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<&'a str>, SkipReason> {
    let tags = tags.into_iter().filter(|tag| !tag.is_empty());
    let mut tags: Vec<&[u8]> = tags.collect();
    tags.sort_unstable();
    tags.dedup();
    let bytes: usize = tags.iter().map(|tag| tag.len()).sum();
    let long = tags.iter().any(|tag| tag.len() > MAX_TAG_BYTES);
    if long || tags.len() > MAX_TAGS || bytes > MAX_TAGS_BYTES {
        return Err(SkipReason::TooManyTags);
    }
    let tags = tags.into_iter().map(std::str::from_utf8);
    tags.collect::<Result<_, _>>()
        .map_err(|_| SkipReason::InvalidTag)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), line);
        }
        headers
    }

    #[test]
    fn each_field_has_its_own_separators() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&[("cache-tag", "b,a")], &["a", "b"]),
            (&[("cache-tag", " a b\t,, c ,")], &["a b", "c"]),
            (&[("cache-tag", "a"), ("cache-tag", "b")], &["a", "b"]),
            (&[("cache-tag", "\"a, b\"")], &["\"a", "b\""]),
            (&[("surrogate-key", " a  b\tc, ")], &["a", "b", "c,"]),
            (
                &[("xkey", "a b, c"), ("xkey", "d,e")],
                &["a", "b", "c", "d", "e"],
            ),
            (&[("cache-tag", "A"), ("xkey", "a A")], &["A", "a"]),
            (&[("cache-tag", "caf\u{e9}")], &["caf\u{e9}"]),
            (&[("cache-tag", " , ,"), ("xkey", "")], &[]),
            (&[("edge-cache-tag", "a"), ("x-cache-tag", "b")], &[]),
        ] {
            let headers = headers(lines);
            let tags = TagFields::new().tags(&headers);
            assert_eq!(tags, Ok(expected.to_vec()), "{lines:?}");
        }
    }

    #[test]
    fn fields_are_those_that_were_named_last() {
        let own = || HeaderName::from_static("x-tags");
        let lines = headers(&[("x-tags", "a b,c"), ("cache-tag", "d")]);
        let tags = |fields: TagFields| fields.tags(&lines).unwrap().join("|");
        assert_eq!(tags(TagFields::none()), "");
        let commas = TagFields::none().and(own(), TagSeparator::Comma);
        assert_eq!(tags(commas.clone()), "a b|c");
        assert_eq!(tags(commas.and(own(), TagSeparator::Space)), "a|b,c");
        let all = TagFields::new().and(own(), TagSeparator::CommaOrSpace);
        assert_eq!(tags(all), "a|b|c|d");
    }

    #[test]
    fn limits_are_kept_to_the_byte_and_to_the_tag() {
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        let usable =
            |tags: &[String]| usable_tags(tags.iter().map(String::as_bytes)).map(|t| t.len());
        let too_many = Err(SkipReason::TooManyTags);
        assert_eq!(usable(&many(MAX_TAGS)), Ok(MAX_TAGS));
        assert_eq!(usable(&many(MAX_TAGS + 1)), too_many);
        assert_eq!(usable(&["a".repeat(MAX_TAG_BYTES)]), Ok(1));
        assert_eq!(usable(&["a".repeat(MAX_TAG_BYTES + 1)]), too_many);
        let long = |count: usize| -> Vec<_> { (0..count).map(|n| format!("{n:01024}")).collect() };
        let full = MAX_TAGS_BYTES / MAX_TAG_BYTES;
        assert_eq!(usable(&long(full)), Ok(full));
        let mut over = long(full);
        over.push("x".to_owned());
        assert_eq!(usable(&over), too_many);
        // What is said again is not more.
        assert_eq!(usable(&[long(full), long(full)].concat()), Ok(full));
        assert_eq!(usable(&vec![String::new(); 10_000]), Ok(0));
    }

    #[test]
    fn what_nobody_could_name_is_invalid() {
        let tags: [&[u8]; 2] = [b"a", b"\xff"];
        assert_eq!(usable_tags(tags), Err(SkipReason::InvalidTag));
    }

    #[test]
    fn clients_see_tags_unless_they_are_stripped() {
        let sent = headers(&[
            ("cache-tag", "a"),
            ("cache-tag", "b"),
            ("xkey", "c"),
            ("age", "1"),
        ]);
        let left = |fields: TagFields| {
            let mut headers = sent.clone();
            fields.strip_from(&mut headers);
            headers.len()
        };
        assert_eq!(left(TagFields::new()), 4);
        assert_eq!(left(TagFields::new().stripped()), 1);
        assert_eq!(left(TagFields::none().stripped()), 4);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(lines: Vec<(usize, Vec<u8>)>) {
            let mut headers = HeaderMap::new();
            for (name, line) in &lines {
                let name = ["cache-tag", "surrogate-key", "xkey"][name % 3];
                if let Ok(line) = HeaderValue::from_bytes(line) {
                    headers.append(name, line);
                }
            }
            if let Ok(tags) = TagFields::new().tags(&headers) {
                prop_assert!(tags.len() <= MAX_TAGS);
                prop_assert!(tags.iter().all(|tag| !tag.is_empty() && tag.len() <= MAX_TAG_BYTES));
            }
        }

        #[test]
        fn tags_come_out_as_they_went_in(tags in prop::collection::btree_set("[!-+.-~]{1,12}", 0..40)) {
            let tags: Vec<_> = tags.iter().map(String::as_str).collect();
            for (name, between) in [
                ("cache-tag", ","), ("cache-tag", " , "), ("surrogate-key", " "), ("xkey", ", "),
            ] {
                let headers = headers(&[(name, &tags.join(between))]);
                prop_assert_eq!(TagFields::new().tags(&headers), Ok(tags.clone()));
            }
        }
    }
}
