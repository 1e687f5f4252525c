//! What a request has that its key has not, and the same request without some of it.

use std::any::TypeId;

use http::header::{COOKIE, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};

use super::bytes::QueryBuf;
use super::cookies::cookies;
use super::declared::Key;
use super::narrow::is_neutral;
use super::query_rule::pairs;

impl Key {
    /// The same URI with the parameters that count in the form and the order in which the inner
    /// service sees them on a miss; those that do not count come after them, as they were sent.
    /// `None` if that is how it is.
    #[must_use]
    pub fn shadow_uri(&self, uri: &Uri) -> Option<Uri> {
        let query = uri.query()?;
        let mut kept = QueryBuf::new();
        let kept = self.query.apply(Some(query), &mut kept);
        let mut all = QueryBuf::from_slice(kept.unwrap_or_default().as_bytes());
        self.for_each_dropped(query, |_, pair| push(pair, b"&", &mut all));
        if *all == *query.as_bytes() {
            None
        } else {
            with_query(uri, &all)
        }
    }

    /// Whether an extension of this type is a declared input, or some of what it holds.
    #[must_use]
    pub fn declares_extension_type(&self, of: TypeId) -> bool {
        self.extensions.iter().any(|part| part.of == of)
    }

    pub(crate) fn declares_cookie(&self, name: &[u8]) -> bool {
        let single = self.cookies.iter().any(|known| known.as_bytes() == name);
        single || self.declares(&COOKIE)
    }

    /// No response is said to depend on the field.
    pub(crate) fn is_neutral(&self, name: &HeaderName) -> bool {
        self.neutral.contains(name)
    }

    /// Calls `each` with the decoded name of every parameter that does not count, and the whole
    /// parameter.
    pub(crate) fn for_each_dropped(&self, query: &str, mut each: impl FnMut(&[u8], &[u8])) {
        for pair in pairs(query) {
            let name = pair.decoded_name();
            if !self.query.keeps(&name) {
                each(&name, pair.text());
            }
        }
    }
}

/// No response depends on the field, whatever the key.
pub(crate) fn is_always_neutral(name: &HeaderName) -> bool {
    is_neutral(name)
}

/// Calls `each` with the name and the value of every cookie of a request; the value of one without
/// `=` is empty.
pub(crate) fn for_each_cookie(headers: &HeaderMap, mut each: impl FnMut(&[u8], &[u8])) {
    for (name, value) in cookies(headers) {
        each(name, value.unwrap_or_default());
    }
}

/// Takes all cookies of this name from a request's fields, however often they were sent.
pub fn remove_cookie(headers: &mut HeaderMap, name: &[u8]) {
    let mut line = QueryBuf::new();
    for (sent, value) in cookies(headers).filter(|(sent, _)| *sent != name) {
        push(sent, b"; ", &mut line);
        if let Some(value) = value {
            line.push(b'=');
            line.extend_from_slice(value);
        }
    }
    match HeaderValue::from_bytes(&line) {
        Ok(value) if !line.is_empty() => headers.insert(COOKIE, value),
        _ => headers.remove(COOKIE),
    };
}

/// The same URI without the parameters of this decoded name. `None` if it has none.
#[must_use]
pub fn without_parameter(uri: &Uri, name: &[u8]) -> Option<Uri> {
    let query = uri.query()?;
    let mut left = QueryBuf::new();
    let mut found = false;
    for pair in pairs(query) {
        if *pair.decoded_name() == *name {
            found = true;
        } else {
            push(pair.text(), b"&", &mut left);
        }
    }
    found.then(|| with_query(uri, &left))?
}

/// An empty query is none.
fn with_query(uri: &Uri, query: &[u8]) -> Option<Uri> {
    let mut text = uri.path().as_bytes().to_vec();
    if !query.is_empty() {
        text.push(b'?');
        text.extend_from_slice(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

fn push(piece: &[u8], between: &[u8], out: &mut QueryBuf) {
    if !out.is_empty() {
        out.extend_from_slice(between);
    }
    out.extend_from_slice(piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &'static str) -> Uri {
        Uri::from_static(text)
    }

    #[test]
    fn parameter_is_taken_away_by_its_decoded_name() {
        let asked = uri("http://a.example/p?a=1&%62=2&b&c=3;b=4");
        let left = without_parameter(&asked, b"b").unwrap();
        assert_eq!(left, uri("http://a.example/p?a=1&c=3;b=4"));
        assert_eq!(without_parameter(&uri("/p?b=1"), b"b"), Some(uri("/p")));
        assert_eq!(without_parameter(&uri("/p?a=1"), b"b"), None);
        assert_eq!(without_parameter(&uri("/p"), b"b"), None);
    }

    #[test]
    fn shadow_has_what_counts_as_the_handler_sees_it_and_the_rest_after_it() {
        let key = Key::new().query_except(["utm"]).sorted_query();
        let asked = key.shadow_uri(&uri("/p?b=1&utm=7&a=2"));
        assert_eq!(asked, Some(uri("/p?a=2&b=1&utm=7")));
        assert_eq!(key.shadow_uri(&uri("/p?a=2&b=1&utm=7")), None);
        assert_eq!(Key::new().shadow_uri(&uri("/p?b&a")), None);
        let none = Key::new().no_query();
        assert_eq!(none.shadow_uri(&uri("/p?b&a")), None);
    }

    #[test]
    fn cookie_is_taken_away_and_the_others_stay() {
        let mut headers = HeaderMap::new();
        for line in ["a=1; b=2; c", "b=\"x; a=3\""] {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        remove_cookie(&mut headers, b"b");
        let lines: Vec<_> = headers.get_all(COOKIE).iter().collect();
        assert_eq!(lines, ["a=1; c; a=3\""]);
        remove_cookie(&mut headers, b"a");
        remove_cookie(&mut headers, b"c");
        assert!(headers.is_empty());
    }
}
