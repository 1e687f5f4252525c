//! Selecting header fields: which of the responses under one key answers a request
//! (RFC 9111 section 4.1, RFC 9110 section 12.5.5).
//!
//! The values of a selection are encoded one after the other, in the order of its names:
//!
//! ```text
//! value      = %x00.00.00.00.00.00.00.00    ; absent
//!            / count *OCTET                 ; present, possibly empty
//! count      = 8OCTET                       ; number of octets plus one, big-endian
//! ```

use std::fmt;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, VARY};

use super::bytes::KeyBuf;
use super::normalise::{merge, normalise};

/// What the Vary field of a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vary {
    /// The response depends on something no request field shows: it never answers another request.
    Any,
    /// The response depends on these fields: sorted, each once. Usually none.
    Names(Vec<HeaderName>),
}

impl Vary {
    /// Reads all Vary lines of a response.
    ///
    /// | Value | Result |
    /// |---|---|
    /// | several lines | their union |
    /// | a member `*` among others | [`Vary::Any`] |
    /// | a member that is no field name | [`Vary::Any`] |
    #[must_use]
    pub fn from_headers(response: &HeaderMap) -> Self {
        let lines = response.get_all(VARY);
        let members = lines
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let mut vary = Self::default();
        for member in members
            .map(<[u8]>::trim_ascii)
            .filter(|member| !member.is_empty())
        {
            match HeaderName::from_bytes(member) {
                Ok(name) if member != b"*" => vary.add(name),
                _ => return Self::Any,
            }
        }
        vary
    }

    /// Lets the response depend on one more field. [`Vary::Any`] stays what it is.
    pub fn add(&mut self, name: HeaderName) {
        if let Self::Names(names) = self
            && let Err(at) = names.binary_search_by(|known| known.as_str().cmp(name.as_str()))
        {
            names.insert(at, name);
        }
    }

    /// The fields, none for [`Vary::Any`].
    #[must_use]
    pub fn names(&self) -> &[HeaderName] {
        match self {
            Self::Any => &[],
            Self::Names(names) => names,
        }
    }

    /// How many fields the response depends on, for a limit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names().len()
    }

    /// Whether the response answers every request for its key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Names(names) if names.is_empty())
    }
}

impl Default for Vary {
    fn default() -> Self {
        Self::Names(Vec::new())
    }
}

/// The fields a stored response depends on, with the values of the request that it answered.
///
/// Two selections are equal when they have the same names and equal values, so that storing one
/// response replaces the other. `Debug` shows the names only: values may be credentials.
#[derive(Clone)]
pub struct Selection(Option<Box<Recorded>>);

/// Of at least one field. Most responses select by none, and all have room for this.
#[derive(Clone)]
struct Recorded {
    names: Box<[HeaderName]>,
    encoded: Box<[u8]>,
    /// The values as they were sent, lines merged; empty when the same as `encoded`.
    raw: Box<[u8]>,
}

impl Selection {
    /// Records the fields of `request` that `names` lists. Without names nothing is allocated.
    #[must_use]
    pub fn of(names: &[HeaderName], request: &HeaderMap) -> Self {
        if names.is_empty() {
            return Self(None);
        }
        let (mut encoded, mut raw) = (KeyBuf::new(), KeyBuf::new());
        Self::encode(names, request, &mut encoded);
        encode_with(merge, names, request, &mut raw);
        if raw == encoded {
            raw.clear();
        }
        Self(Some(Box::new(Recorded {
            names: names.into(),
            encoded: encoded.as_slice().into(),
            raw: raw.as_slice().into(),
        })))
    }

    /// Whether the stored response answers this request.
    ///
    /// Values are compared in normal form. An absent field equals only an absent one.
    #[must_use]
    pub fn matches(&self, request: &HeaderMap) -> bool {
        let Some(recorded) = &self.0 else {
            return true;
        };
        let mut encoded = KeyBuf::new();
        Self::encode(&recorded.names, request, &mut encoded);
        encoded.as_slice() == &*recorded.encoded
    }

    /// Appends the values of a request in normal form, to compare with [`Selection::encoded`] of
    /// every stored response that has the same names.
    pub fn encode(names: &[HeaderName], request: &HeaderMap, out: &mut KeyBuf) {
        encode_with(normalise, names, request, out);
    }

    /// The recorded values in normal form, as [`Selection::encode`] writes them.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        let (_, encoded, _) = self.parts();
        encoded
    }

    /// The fields the stored response depends on.
    #[must_use]
    #[inline]
    pub fn names(&self) -> &[HeaderName] {
        let (names, ..) = self.parts();
        names
    }

    /// The recorded values as they were sent, their lines merged. `None`: the field was absent.
    pub fn values(&self) -> impl Iterator<Item = (&HeaderName, Option<&[u8]>)> {
        let (names, encoded, raw) = self.parts();
        let rest = if raw.is_empty() { encoded } else { raw };
        names.iter().zip(Values { rest })
    }

    /// Puts the recorded fields into a request, for validation without a client
    /// (RFC 9111 section 4.3.1). Fields that were absent are removed.
    pub fn restore(&self, request: &mut HeaderMap) {
        for (name, value) in self.values() {
            request.remove(name);
            if let Some(Ok(value)) = value.map(HeaderValue::from_bytes) {
                request.insert(name, value);
            }
        }
    }

    /// Names, values in normal form, and values as they were sent if those differ.
    #[inline]
    pub(crate) fn parts(&self) -> (&[HeaderName], &[u8], &[u8]) {
        match &self.0 {
            None => (&[], &[], &[]),
            Some(recorded) => (&recorded.names, &recorded.encoded, &recorded.raw),
        }
    }

    /// The reverse of [`parts`](Self::parts). `None`: there is not one value for each name.
    pub(crate) fn from_parts(names: Vec<HeaderName>, encoded: &[u8], raw: &[u8]) -> Option<Self> {
        let is_whole = |encoded| {
            let mut values = Values { rest: encoded };
            values.by_ref().count() == names.len() && values.rest.is_empty()
        };
        if !is_whole(encoded) || !(raw.is_empty() || is_whole(raw)) {
            return None;
        }
        let recorded = Recorded {
            encoded: encoded.into(),
            raw: raw.into(),
            names: names.into(),
        };
        Some(Self(
            (!recorded.names.is_empty()).then(|| Box::new(recorded)),
        ))
    }

    /// The memory this occupies beyond its own size, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        let (names, encoded, raw) = self.parts();
        let of_name = |name: &HeaderName| size_of::<HeaderName>() + name.as_str().len();
        let recorded = self.0.as_ref().map_or(0, |_| size_of::<Recorded>());
        let names: usize = names.iter().map(of_name).sum();
        recorded + names + encoded.len() + raw.len()
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        let (names, encoded, _) = self.parts();
        let (others, other_encoded, _) = other.parts();
        names == others && encoded == other_encoded
    }
}

impl Eq for Selection {}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

/// Reads back what [`encode_with`] wrote.
struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (count, rest) = self.rest.split_first_chunk::<COUNT_BYTES>()?;
        let count = usize::try_from(u64::from_be_bytes(*count)).ok()?;
        let (value, rest) = rest.split_at_checked(count.saturating_sub(1))?;
        self.rest = rest;
        Some((count > 0).then_some(value))
    }
}

/// Encodes each value with `write`, which appends it or returns false.
fn encode_with(
    write: fn(&HeaderName, &HeaderMap, &mut KeyBuf) -> bool,
    names: &[HeaderName],
    request: &HeaderMap,
    out: &mut KeyBuf,
) {
    for name in names {
        let at = out.len();
        let start = at.saturating_add(COUNT_BYTES);
        out.extend_from_slice(&[0; COUNT_BYTES]);
        if write(name, request, out) {
            let count = out.len().saturating_sub(start).saturating_add(1) as u64;
            if let Some(place) = out.get_mut(at..start) {
                place.copy_from_slice(&count.to_be_bytes());
            }
        }
    }
}

const COUNT_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, ORIGIN};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn vary(lines: &[&'static str]) -> Vary {
        Vary::from_headers(&headers(
            &lines.iter().map(|line| (VARY, *line)).collect::<Vec<_>>(),
        ))
    }

    fn names(lines: &[&'static str]) -> Vec<String> {
        vary(lines)
            .names()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn lines_are_united_sorted_and_in_lower_case() {
        assert_eq!(
            names(&["Origin, ACCEPT", "accept,\tx-b , ,"]),
            ["accept", "origin", "x-b"]
        );
        assert_eq!(vary(&["b, a", "a"]), vary(&["A", "B"]));
        assert_eq!(vary(&["b, a", "a"]).len(), 2);
    }

    #[test]
    fn no_names_answer_every_request() {
        for lines in [&[][..], &[""], &[" , "]] {
            assert!(vary(lines).is_empty());
        }
        assert!(!vary(&["a"]).is_empty());
    }

    #[test]
    fn star_or_garbage_is_any() {
        for line in [
            "*",
            "accept, *",
            "*, accept",
            "a b",
            "a;b",
            "\"accept\"",
            "accept, @",
            "acc\u{e9}pt",
        ] {
            let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            let response = HeaderMap::from_iter([(VARY, value)]);
            assert_eq!(Vary::from_headers(&response), Vary::Any, "{line}");
        }
        assert_eq!(vary(&["accept", "*"]), Vary::Any);
        assert!(!Vary::Any.is_empty());
        assert!(Vary::Any.names().is_empty());
    }

    #[test]
    fn added_name_is_listed_once() {
        let mut varied = vary(&["accept-encoding"]);
        varied.add(ORIGIN);
        varied.add(ACCEPT);
        varied.add(ORIGIN);
        assert_eq!(varied, vary(&["origin, accept, accept-encoding"]));
        let mut any = Vary::Any;
        any.add(ORIGIN);
        assert_eq!(any, Vary::Any);
    }

    #[test]
    fn selection_without_names_matches_everything() {
        let selection = Selection::of(&[], &headers(&[(ACCEPT, "a/b")]));
        assert!(selection.matches(&HeaderMap::new()));
        assert_eq!(selection.len_bytes(), 0);
        assert_eq!(selection.values().count(), 0);
    }

    #[test]
    fn absent_matches_only_absent() {
        let (absent, empty) = (HeaderMap::new(), headers(&[(ORIGIN, "")]));
        assert!(Selection::of(&[ORIGIN], &absent).matches(&absent));
        assert!(!Selection::of(&[ORIGIN], &absent).matches(&empty));
        assert!(!Selection::of(&[ORIGIN], &empty).matches(&absent));
        assert!(Selection::of(&[ORIGIN], &empty).matches(&empty));
    }

    #[test]
    fn values_match_in_normal_form() {
        let stored = headers(&[(ACCEPT_ENCODING, "gzip, BR ;q=0.5"), (ORIGIN, "https://a")]);
        let selection = Selection::of(&[ACCEPT_ENCODING, ORIGIN], &stored);
        for (request, matches) in [
            (
                &[(ACCEPT_ENCODING, "gzip,br;q=0.5"), (ORIGIN, "https://a")][..],
                true,
            ),
            (
                &[
                    (ACCEPT_ENCODING, "gzip"),
                    (ACCEPT_ENCODING, "br;q=0.5"),
                    (ORIGIN, "https://a"),
                ],
                true,
            ),
            (
                &[(ACCEPT_ENCODING, "br;q=0.5, gzip"), (ORIGIN, "https://a")],
                false,
            ),
            (
                &[(ACCEPT_ENCODING, "gzip,br;q=0.5"), (ORIGIN, "https://b")],
                false,
            ),
            (&[(ACCEPT_ENCODING, "gzip,br;q=0.5")], false),
            (
                &[(ORIGIN, "gzip,br;q=0.5"), (ACCEPT_ENCODING, "https://a")],
                false,
            ),
        ] {
            assert_eq!(selection.matches(&headers(request)), matches, "{request:?}");
        }
    }

    #[test]
    fn equal_selections_have_the_same_names_and_equal_values() {
        let a = Selection::of(&[ACCEPT], &headers(&[(ACCEPT, "a/b, c/d")]));
        let b = Selection::of(&[ACCEPT], &headers(&[(ACCEPT, "a/b,c/d")]));
        assert_eq!(a, b);
        assert_ne!(a, Selection::of(&[ACCEPT], &HeaderMap::new()));
        assert_ne!(
            Selection::of(&[ACCEPT], &HeaderMap::new()),
            Selection::of(&[ORIGIN], &HeaderMap::new())
        );
    }

    #[test]
    fn values_encoded_once_compare_with_every_selection_of_those_names() {
        let names = [ACCEPT_LANGUAGE, ORIGIN];
        let request = headers(&[(ACCEPT_LANGUAGE, "de, en")]);
        let mut encoded = KeyBuf::new();
        Selection::encode(&names, &request, &mut encoded);
        assert_eq!(
            Selection::of(&names, &request).encoded(),
            encoded.as_slice()
        );
        let other = headers(&[(ACCEPT_LANGUAGE, "en, de")]);
        assert_ne!(Selection::of(&names, &other).encoded(), encoded.as_slice());
    }

    #[test]
    fn recorded_values_are_those_that_were_sent() {
        let request = headers(&[
            (ACCEPT_ENCODING, "GZip , br"),
            (ACCEPT_ENCODING, "zstd"),
            (COOKIE, "a=1"),
            (COOKIE, "b=2"),
        ]);
        let selection = Selection::of(&[ACCEPT_ENCODING, COOKIE, ORIGIN], &request);
        let values: Vec<_> = selection.values().collect();
        assert_eq!(
            values,
            [
                (&ACCEPT_ENCODING, Some(b"GZip , br, zstd".as_slice())),
                (&COOKIE, Some(b"a=1; b=2".as_slice())),
                (&ORIGIN, None),
            ]
        );
    }

    #[test]
    fn restored_request_is_selected() {
        let request = headers(&[
            (ACCEPT_ENCODING, "GZip , br"),
            (COOKIE, "a=1"),
            (ORIGIN, ""),
        ]);
        let selection = Selection::of(&[ACCEPT, ACCEPT_ENCODING, COOKIE, ORIGIN], &request);
        let mut restored = headers(&[(ACCEPT, "a/b"), (COOKIE, "z=9"), (COOKIE, "y=8")]);
        selection.restore(&mut restored);
        assert_eq!(restored, request);
        assert!(selection.matches(&restored));
    }

    #[test]
    fn debug_shows_no_value() {
        let request = headers(&[(AUTHORIZATION, "Bearer hunter2")]);
        let shown = format!("{:?}", Selection::of(&[AUTHORIZATION], &request));
        assert!(shown.contains("authorization") && !shown.contains("hunter2"));
    }

    type Lines = Vec<(usize, String)>;

    fn request(lines: &Lines) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (which, value) in lines {
            headers.append(
                &FIELDS[*which],
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    const FIELDS: [HeaderName; 4] = [
        ACCEPT_ENCODING,
        ACCEPT_LANGUAGE,
        COOKIE,
        HeaderName::from_static("x-a"),
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn request_selects_its_own_response_and_its_restored_self_does_too(
            lines in proptest::collection::vec((0usize..4, "[ab,; \"]{0,5}"), 0..5),
        ) {
            let sent = request(&lines);
            let selection = Selection::of(&FIELDS, &sent);
            prop_assert!(selection.matches(&sent));
            let mut restored = HeaderMap::new();
            selection.restore(&mut restored);
            prop_assert!(selection.matches(&restored));
            prop_assert_eq!(&Selection::of(&FIELDS, &restored), &selection);
            prop_assert_eq!(selection.values().count(), FIELDS.len());
        }

        #[test]
        fn plain_requests_match_only_if_every_field_is_equal(
            a in proptest::collection::vec(proptest::option::of("[ab]{0,2}"), 4),
            b in proptest::collection::vec(proptest::option::of("[ab]{0,2}"), 4),
        ) {
            let sent = |values: &[Option<String>]| {
                let present = values.iter().enumerate();
                request(&present.filter_map(|(at, v)| Some((at, v.clone()?))).collect())
            };
            prop_assert_eq!(Selection::of(&FIELDS, &sent(&a)).matches(&sent(&b)), a == b);
        }
    }
}
