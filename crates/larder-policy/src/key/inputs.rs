//! Reading a primary key back: which inputs it was made of, and what they were.

use super::encode::KEY_FORMAT;
use super::input::InputKind;

/// An input of a primary key: its kind, its name and its value. `None` is absent, and the path, the
/// query and the content have an empty name.
pub type KeyInput<'a> = (InputKind, &'a str, Option<&'a [u8]>);

/// The inputs of an encoded primary key, in its order. Host and port are values of the header field
/// `host`; what has several values comes several times. Of bytes that are no such key there are none.
///
/// Values may be credentials.
///
/// ```
/// use http::Uri;
/// use larder_policy::key::{InputKind, KeyBuf, KeyParts, MethodClass, Target, inputs_of};
///
/// let uri = Uri::from_static("http://shop.example/search?q=bread");
/// let target = Target::from_request(&uri, None, None)?;
/// let mut key = KeyBuf::new();
/// KeyParts::new(MethodClass::Get, &target).encode_into(&mut key);
///
/// let inputs = inputs_of(&key);
/// assert!(inputs.contains(&(InputKind::Path, "", Some(b"/search"))));
/// assert!(inputs.contains(&(InputKind::Query, "", Some(b"q=bread"))));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn inputs_of(key: &[u8]) -> Vec<KeyInput<'_>> {
    read(Reader { rest: key }).unwrap_or_default()
}

fn read(mut key: Reader<'_>) -> Result<Vec<KeyInput<'_>>, NoKey> {
    let (format, _class, _scheme) = (key.byte()?, key.byte()?, key.field()?);
    if format != KEY_FORMAT {
        return Err(NoKey);
    }
    let mut inputs = vec![(InputKind::Header, "host", key.field()?)];
    if let port @ Some(_) = key.field()? {
        inputs.push((InputKind::Header, "host", port));
    }
    inputs.push((InputKind::Path, "", key.field()?));
    inputs.push((InputKind::Query, "", key.field()?));
    if key.byte()? != 0 {
        inputs.push((InputKind::Partition, key.name()?, key.field()?));
    }
    while !key.rest.is_empty() {
        let kind = match key.byte()? {
            b'c' => InputKind::Content,
            b'e' | b'x' => InputKind::Extension,
            b'h' | b'u' => InputKind::Header,
            b'k' => InputKind::Cookie,
            // Of the declaration, not of the request.
            b'd' | b'f' | b'r' => continue,
            _ => return Err(NoKey),
        };
        inputs.push((kind, key.name()?, key.field()?));
    }
    Ok(inputs)
}

struct NoKey;

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, NoKey> {
        let (byte, rest) = self.rest.split_first().ok_or(NoKey)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn field(&mut self) -> Result<Option<&'a [u8]>, NoKey> {
        let (mut count, mut shift) = (0_usize, 0);
        loop {
            let byte = self.byte()?;
            count |= usize::from(byte & 0x7f).checked_shl(shift).ok_or(NoKey)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let Some(length) = count.checked_sub(1) else {
            return Ok(None);
        };
        let (value, rest) = self.rest.split_at_checked(length).ok_or(NoKey)?;
        self.rest = rest;
        Ok(Some(value))
    }

    fn name(&mut self) -> Result<&'a str, NoKey> {
        let name = self.field()?.ok_or(NoKey)?;
        std::str::from_utf8(name).map_err(|_| NoKey)
    }
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderName, HeaderValue};
    use http::{HeaderMap, Request, Uri};
    use proptest::prelude::*;

    use super::super::{Key, KeyBuf, KeyParts, MethodClass, Partition, QueryContent, Target};
    use super::*;

    fn encoded(parts: &KeyParts<'_>) -> KeyBuf {
        let mut out = KeyBuf::new();
        parts.encode_into(&mut out);
        out
    }

    #[test]
    fn every_part_of_a_key_is_an_input() {
        let uri = Uri::from_static("http://Shop.example:81/a/b?c=d");
        let target = Target::from_request(&uri, None, None).unwrap();
        let user = Partition::of("user", b"\x007").unwrap();
        let long = [b'x'; 300];
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("a/b"));
        let content = QueryContent::new(&headers, 7, &[1; 32]).unwrap();
        let parts = KeyParts::new(MethodClass::Query, &target).partition(&user);
        let parts = parts.extra("flag", Some(b"")).extra("absent", None);
        let parts = parts
            .unkeyed_line("x-host", b"a")
            .unkeyed_line("x-host", b"b");
        let expected: &[KeyInput<'_>] = &[
            (InputKind::Header, "host", Some(b"shop.example")),
            (InputKind::Header, "host", Some(b"81")),
            (InputKind::Path, "", Some(b"/a/b")),
            (InputKind::Query, "", Some(b"c=d")),
            (InputKind::Partition, "user", Some(b"\x007")),
            (InputKind::Extension, "flag", Some(b"")),
            (InputKind::Extension, "absent", None),
            (InputKind::Header, "x-host", Some(b"a")),
            (InputKind::Header, "x-host", Some(b"b")),
            (InputKind::Extension, "long", Some(&long)),
            (InputKind::Content, "", Some(content.as_bytes())),
        ];
        let key = encoded(&parts.extra("long", Some(&long)).content(&content));
        assert_eq!(inputs_of(&key), expected);
    }

    #[test]
    fn every_declared_part_of_a_key_is_an_input() {
        #[derive(Clone)]
        struct Plan(&'static str);

        let declared = Key::route()
            .header_lowercase("x-api")
            .header("x-absent")
            .cookie("theme")
            .extension_with("plan", |plan: &Plan| plan.0.to_owned());
        let mut request = Request::new(());
        let lines = [("x-api", "V2"), ("cookie", "theme=dark; a=1"), ("dnt", "1")];
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        request.extensions_mut().insert(Plan("free"));
        for (key, route) in [
            (declared.clone(), None),
            (declared.forward_all(), Some("/r")),
        ] {
            let uri = Uri::from_static("/a");
            let target = Target::from_request(&uri, None, None).unwrap();
            let parts = KeyParts::new(MethodClass::Get, &target);
            let (headers, extensions) = (request.headers(), request.extensions());
            let encoded = encoded(&parts.declared(&key, headers, extensions, route));
            let expected: &[KeyInput<'_>] = &[
                (InputKind::Header, "x-absent", None),
                (InputKind::Header, "x-api", Some(b"v2")),
                (InputKind::Cookie, "theme", Some(b"dark")),
                (InputKind::Extension, "plan", Some(b"\x05free")),
            ];
            assert_eq!(inputs_of(&encoded).get(3..), Some(expected));
        }
    }

    #[test]
    fn key_that_was_cut_off_or_of_another_format_has_no_inputs() {
        let uri = Uri::from_static("/a");
        let target = Target::from_request(&uri, None, None).unwrap();
        let parts = KeyParts::new(MethodClass::Get, &target);
        let whole = encoded(&parts.extra("flag", Some(b"on")));
        assert_eq!(inputs_of(&whole).len(), 4);
        let end_of_target = whole.len() - b"e\x05flag\x03on".len();
        for length in (0..whole.len()).filter(|length| *length != end_of_target) {
            assert_eq!(inputs_of(whole.get(..length).unwrap()), [], "{length}");
        }
        let mut other = whole;
        other[0] = KEY_FORMAT + 1;
        assert_eq!(inputs_of(&other), []);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = inputs_of(&bytes);
            let _ = inputs_of(&[&[KEY_FORMAT, b'G'], &*bytes].concat());
        }
    }
}
