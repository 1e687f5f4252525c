//! The primary key: every part of a request that a stored response must share to be found for it
//! (RFC 9111 section 2).
//!
//! ```text
//! key        = format class scheme host port path query partition *extra [ declared ]
//! format     = %x01
//! class      = "G" / "H" / "Q"
//! scheme     = field                  ; lower case
//! host       = field                  ; lower case
//! port       = field                  ; absent when it is the scheme's own
//! path       = field
//! query      = field
//! partition  = %x00 / ( %x01 field field )  ; shared / kind, id
//! extra      = origin field field     ; name, value
//! origin     = "e" / "u" / "c"        ; operator, unkeyed input, request content
//! ```
//!
//! What is declared is described with [`Key`]. `field` carries its own length and tells absent from empty, so the encoding is injective: equal
//! bytes mean equal parts. Extras keep the order in which they were added.

use http::{Extensions, HeaderMap, Method};
use smallvec::SmallVec;

use super::bytes::KeyBuf;
use super::encode::{KEY_FORMAT, push_field};
use super::{Key, Partition, QueryContent, Target};

/// The kind of request an entry may answer (RFC 9111 section 2, RFC 9110 section 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MethodClass {
    /// Entries made by GET. They also answer HEAD.
    Get,
    /// Entries made by HEAD. They answer only HEAD.
    Head,
    /// Entries made by QUERY (RFC 10008). They answer only QUERY with the same content.
    Query,
}

impl MethodClass {
    /// The class of entries a method makes, if its responses can be stored at all.
    #[must_use]
    pub fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Get),
            Method::HEAD => Some(Self::Head),
            Method::QUERY => Some(Self::Query),
            _ => None,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Get => b'G',
            Self::Head => b'H',
            Self::Query => b'Q',
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        let classes = [Self::Get, Self::Head, Self::Query];
        classes.into_iter().find(|class| class.code() == code)
    }
}

/// The parts of one primary key, borrowed from a request.
///
/// Extras count in the order they are added, and a repeated name adds a second value rather than
/// replacing the first: add them in an order that does not depend on the request.
#[derive(Clone)]
pub struct KeyParts<'a> {
    class: MethodClass,
    target: Target<'a>,
    partition: Option<&'a Partition>,
    extras: SmallVec<[Extra<'a>; 4]>,
    declared: Option<Declared<'a>>,
}

/// The inputs that a route declares, and where their values are.
#[derive(Clone, Copy)]
struct Declared<'a> {
    key: &'a Key,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    route: Option<&'a str>,
}

#[derive(Clone)]
struct Extra<'a> {
    origin: Origin,
    name: &'a str,
    value: Option<&'a [u8]>,
}

/// Who added an extra: the same name from two sources is two different parts.
#[derive(Clone, Copy)]
enum Origin {
    Content,
    Operator,
    Unkeyed,
}

impl<'a> KeyParts<'a> {
    /// A key of the shared partition without extras.
    #[must_use]
    pub fn new(class: MethodClass, target: &Target<'a>) -> Self {
        Self {
            class,
            target: *target,
            partition: None,
            extras: SmallVec::new(),
            declared: None,
        }
    }

    /// The partition the response belongs to.
    #[must_use]
    pub fn partition(mut self, partition: &'a Partition) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Adds a part of the operator's choosing. `None` differs from an empty value.
    #[must_use]
    pub fn extra(self, name: &'a str, value: Option<&'a [u8]>) -> Self {
        self.push(Origin::Operator, name, value)
    }

    /// Adds what a route declares, last. `route` is its name, where that is known.
    #[must_use]
    pub const fn declared(
        mut self,
        key: &'a Key,
        headers: &'a HeaderMap,
        extensions: &'a Extensions,
        route: Option<&'a str>,
    ) -> Self {
        self.declared = Some(Declared {
            key,
            headers,
            extensions,
            route,
        });
        self
    }

    /// Adds the content of a QUERY request (RFC 10008).
    #[must_use]
    pub fn content(self, content: &'a QueryContent) -> Self {
        self.push(Origin::Content, "", Some(content.as_bytes()))
    }

    /// Adds one line of a header field that reaches the response past the target URI.
    pub(super) fn unkeyed_line(self, name: &'a str, line: &'a [u8]) -> Self {
        self.push(Origin::Unkeyed, name, Some(line))
    }

    /// Appends the encoding to `out`. No heap allocation while `out` stays within its inline size.
    pub fn encode_into(&self, out: &mut KeyBuf) {
        encode_plain(self.class, &self.target, self.partition, out);
        for extra in &self.extras {
            out.push(extra.origin.code());
            push_field(out, Some(extra.name.as_bytes()));
            push_field(out, extra.value);
        }
        if let Some(of) = &self.declared {
            of.key.encode(of.headers, of.extensions, of.route, out);
        }
    }

    /// Appends the encoding of a key that has nothing but these parts. What it would cost to put
    /// them together first is not little beside that.
    #[inline]
    pub(crate) fn encode_plain_into(
        class: MethodClass,
        target: &Target<'_>,
        partition: &Partition,
        out: &mut KeyBuf,
    ) {
        encode_plain(class, target, Some(partition), out);
    }

    fn push(mut self, origin: Origin, name: &'a str, value: Option<&'a [u8]>) -> Self {
        self.extras.push(Extra {
            origin,
            name,
            value,
        });
        self
    }
}

/// What every key has.
#[inline]
fn encode_plain(
    class: MethodClass,
    target: &Target<'_>,
    partition: Option<&Partition>,
    out: &mut KeyBuf,
) {
    out.extend_from_slice(&[KEY_FORMAT, class.code()]);
    target.encode(out);
    match partition {
        Some(partition) => partition.encode_into(out),
        None => out.push(0),
    }
}

impl std::fmt::Debug for KeyParts<'_> {
    /// Leaves the values of extras out: they may hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyParts")
            .field("class", &self.class)
            .field("target", &self.target)
            .field("partition", &self.partition)
            .field(
                "extras",
                &self
                    .extras
                    .iter()
                    .map(|extra| extra.name)
                    .collect::<Vec<_>>(),
            )
            .finish()
    }
}

impl Origin {
    const fn code(self) -> u8 {
        match self {
            Self::Content => b'c',
            Self::Operator => b'e',
            Self::Unkeyed => b'u',
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Uri};
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &KeyParts<'_>) -> KeyBuf {
        let mut out = KeyBuf::new();
        parts.encode_into(&mut out);
        out
    }

    fn plain(uri: &'static str) -> KeyBuf {
        let uri = Uri::from_static(uri);
        let target = Target::from_request(&uri, None, None).unwrap();
        key(&KeyParts::new(MethodClass::Get, &target))
    }

    #[test]
    fn format_is_as_documented() {
        let expected = b"\x01G\x06https\x07ex.com\x05\x38443\x03/a\x04b=1\x00";
        assert_eq!(plain("https://ex.com:8443/a?b=1").as_slice(), expected);
    }

    #[test]
    fn shared_partition_is_the_default() {
        let uri = Uri::from_static("/a");
        let target = Target::from_request(&uri, None, None).unwrap();
        let shared = Partition::shared();
        let parts = KeyParts::new(MethodClass::Get, &target);
        assert_eq!(key(&parts), key(&parts.clone().partition(&shared)));
    }

    #[test]
    fn method_classes_have_their_own_keys() {
        assert_eq!(MethodClass::of(&Method::GET), Some(MethodClass::Get));
        assert_eq!(MethodClass::of(&Method::HEAD), Some(MethodClass::Head));
        assert_eq!(MethodClass::of(&Method::QUERY), Some(MethodClass::Query));
        assert_eq!(MethodClass::of(&Method::POST), None);
        let uri = Uri::from_static("/a");
        let target = Target::from_request(&uri, None, None).unwrap();
        let get = key(&KeyParts::new(MethodClass::Get, &target));
        let head = key(&KeyParts::new(MethodClass::Head, &target));
        let query = key(&KeyParts::new(MethodClass::Query, &target));
        assert!(get != head && head != query && get != query);
    }

    #[test]
    fn extras_do_not_run_into_one_another() {
        let uri = Uri::from_static("/a");
        let target = Target::from_request(&uri, None, None).unwrap();
        let with = |name, value| key(&KeyParts::new(MethodClass::Get, &target).extra(name, value));
        assert_ne!(
            with("a", Some(b"bc".as_slice())),
            with("ab", Some(b"c".as_slice()))
        );
        assert_ne!(with("a", None), with("a", Some(b"".as_slice())));
        assert_ne!(with("a", None), plain("/a"));
    }

    #[test]
    fn operator_extra_is_not_an_unkeyed_line() {
        let uri = Uri::from_static("/a");
        let target = Target::from_request(&uri, None, None).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-host", HeaderValue::from_static("evil"));
        let parts = KeyParts::new(MethodClass::Get, &target);
        let extra = parts.clone().extra("x-host", Some(b"evil"));
        assert_ne!(key(&extra), key(&parts.unkeyed(&headers)));
    }

    #[test]
    fn usual_keys_need_no_heap() {
        let uri = Uri::from_static("https://shop.example/products/42?currency=eur&page=3");
        let target = Target::from_request(&uri, None, None).unwrap();
        let partition = Partition::of("user", &[7; 36]).unwrap();
        let parts = KeyParts::new(MethodClass::Get, &target)
            .partition(&partition)
            .extra("accept-language", Some(b"de, en;q=0.5"));
        assert!(!key(&parts).is_on_heap());
    }

    #[test]
    fn debug_shows_no_extra_value() {
        let uri = Uri::from_static("/a");
        let target = Target::from_request(&uri, None, None).unwrap();
        let parts = KeyParts::new(MethodClass::Get, &target).extra("token", Some(b"hunter2"));
        assert!(!format!("{parts:?}").contains("hunter2"));
    }

    /// Every part of a key that tests vary, over small alphabets so that collisions would show.
    #[derive(Clone, Debug, PartialEq)]
    struct Tuple {
        class: MethodClass,
        scheme: Option<String>,
        authority: Option<(String, Option<String>)>,
        path: String,
        query: Option<String>,
        partition: Option<(String, Vec<u8>)>,
        extras: Vec<(String, Option<Vec<u8>>)>,
        lines: Vec<String>,
    }

    impl Tuple {
        fn encode(&self) -> KeyBuf {
            let authority = self.authority.as_ref();
            let authority = authority.map(|(host, port)| (host.as_str(), port.as_deref()));
            let target = Target::of(
                self.scheme.as_deref(),
                authority,
                &self.path,
                self.query.as_deref(),
            );
            let partition = self
                .partition
                .as_ref()
                .map_or_else(Partition::shared, |(kind, id)| {
                    Partition::of(kind, id).unwrap()
                });
            let mut parts = KeyParts::new(self.class, &target).partition(&partition);
            for (name, value) in &self.extras {
                parts = parts.extra(name, value.as_deref());
            }
            for line in &self.lines {
                parts = parts.unkeyed_line("a", line.as_bytes());
            }
            key(&parts)
        }
    }

    fn tuple() -> impl Strategy<Value = Tuple> {
        let class = prop_oneof![Just(MethodClass::Get), Just(MethodClass::Head)];
        let authority = ("[ab]{1,2}", proptest::option::of("[12]{1,2}"));
        let extra = (
            "[ab]{0,2}",
            proptest::option::of(proptest::collection::vec(0u8..3, 0..3)),
        );
        (
            class,
            proptest::option::of("[ab]{0,2}"),
            proptest::option::of(authority),
            "[ab]{0,2}",
            proptest::option::of("[ab]{0,2}"),
            proptest::option::of(("[ab]{0,2}", proptest::collection::vec(0u8..3, 1..3))),
            proptest::collection::vec(extra, 0..3),
            proptest::collection::vec("[ab]{0,2}", 0..2),
        )
            .prop_map(
                |(class, scheme, authority, path, query, partition, extras, lines)| Tuple {
                    class,
                    scheme,
                    authority,
                    path,
                    query,
                    partition,
                    extras,
                    lines,
                },
            )
    }

    /// A tuple and one of its neighbours, equal to it or different in a single part.
    fn neighbours() -> impl Strategy<Value = (Tuple, Tuple)> {
        (tuple(), tuple(), 0usize..9).prop_map(|(a, b, part)| {
            let mut c = a.clone();
            match part {
                0 => c.class = b.class,
                1 => c.scheme = b.scheme,
                2 => c.authority = b.authority,
                3 => c.path = b.path,
                4 => c.query = b.query,
                5 => c.partition = b.partition,
                6 => c.extras = b.extras,
                7 => c.lines = b.lines,
                _ => c = b,
            }
            (a, c)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn tuples_encode_equally_only_if_equal((a, b) in neighbours()) {
            prop_assert_eq!(a.encode() == b.encode(), a == b);
        }
    }
}
