//! Single cookies of a request (RFC 6265 section 5.4).
//!
//! Lines are split at `;` and nowhere else, so that a value in quotes cannot smuggle in another
//! cookie: what stands behind its first `;` is not forwarded with it. Names are case-sensitive and
//! compared as they were sent.

use http::HeaderMap;
use http::header::COOKIE;

/// The first cookie of a name among those of a request; one that is sent without `=` is empty. A key
/// that [declares](super::Key::cookie) the name has it, whatever else the request holds.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut sent = cookies(headers);
    let (_, value) = sent.find(|(sent, _)| *sent == name.as_bytes())?;
    Some(value.unwrap_or_default())
}

/// Every cookie of a request: name and value, or none for one without `=`.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let pairs = pairs
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty());
    pairs.map(|pair| match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            let (name, value) = pair.split_at(at);
            let value = value.get(1..).unwrap_or_default();
            (name.trim_ascii_end(), Some(value.trim_ascii_start()))
        }
        None => (pair, None),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn cookies_are_split_at_semicolons_of_all_lines() {
        let mut headers = HeaderMap::new();
        for line in ["a=1; b = 2;;c", "a=\"x; session=7\"", "=v; d==", ""] {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        let found: Vec<_> = cookies(&headers)
            .map(|(name, value)| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                (text(name), value.map(text))
            })
            .collect();
        let expected = [
            ("a", Some("1")),
            ("b", Some("2")),
            ("c", None),
            ("a", Some("\"x")),
            ("session", Some("7\"")),
            ("", Some("v")),
            ("d", Some("=")),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(found, expected);
    }

    #[test]
    fn first_cookie_of_a_name_is_found() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; b"));
        headers.append(COOKIE, HeaderValue::from_static("a=2; A=3"));
        assert_eq!(cookie(&headers, "a"), Some(b"1".as_slice()));
        assert_eq!(cookie(&headers, "b"), Some(b"".as_slice()));
        assert_eq!(cookie(&headers, "A"), Some(b"3".as_slice()));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
