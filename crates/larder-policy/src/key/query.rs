//! The content of a QUERY request as a part of its key (RFC 10008).
//!
//! ```text
//! content    = length digest *( field )
//! length     = 8OCTET                 ; big-endian
//! digest     = 32OCTET
//! ```
//!
//! The fields are those of `METADATA`, in that order, their lines merged.

use std::error::Error;
use std::fmt;

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderName,
};
use http::{HeaderMap, HeaderValue};

use super::bytes::KeyBuf;
use super::encode::push_field;
use super::normalise::merge;

/// What the content of a QUERY request adds to the key, for [`KeyParts::content`].
///
/// Content counts byte for byte: two spellings of one query are two keys.
///
/// [`KeyParts::content`]: super::KeyParts::content
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryContent(KeyBuf);

impl QueryContent {
    /// Describes content by its header fields, its length and a collision-resistant digest of its
    /// bytes, such as SHA-256.
    ///
    /// # Errors
    ///
    /// A QUERY whose content has no single type has no defined meaning. It must bypass the cache.
    pub fn new(
        headers: &HeaderMap,
        length: u64,
        digest: &[u8; 32],
    ) -> Result<Self, MissingContentType> {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        if types.next().is_none_or(HeaderValue::is_empty) || types.next().is_some() {
            return Err(MissingContentType);
        }
        let mut encoded = KeyBuf::new();
        encoded.extend_from_slice(&length.to_be_bytes());
        encoded.extend_from_slice(digest);
        let mut line = KeyBuf::new();
        for name in METADATA {
            line.clear();
            let present = merge(&name, headers, &mut line);
            push_field(&mut encoded, present.then_some(line.as_slice()));
        }
        Ok(Self(encoded))
    }

    /// The fields of a request that describe its content.
    #[must_use]
    pub const fn fields() -> [HeaderName; 4] {
        METADATA
    }

    /// The encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A QUERY request does not say what its content is: Content-Type is absent, empty or repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingContentType;

impl fmt::Display for MissingContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a QUERY request needs exactly one Content-Type")
    }
}

impl Error for MissingContentType {}

const METADATA: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    fn content(lines: &[(HeaderName, &'static str)]) -> Result<QueryContent, MissingContentType> {
        QueryContent::new(&headers(lines), 5, &[1; 32])
    }

    #[test]
    fn exactly_one_content_type_is_needed() {
        for lines in [
            &[][..],
            &[(CONTENT_TYPE, "")],
            &[(CONTENT_TYPE, "a/b"), (CONTENT_TYPE, "a/b")],
            &[(CONTENT_ENCODING, "gzip")],
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(
                QueryContent::new(&headers, 5, &[1; 32]),
                Err(MissingContentType)
            );
        }
        assert!(content(&[(CONTENT_TYPE, "a/b")]).is_ok());
    }

    #[test]
    fn everything_that_describes_the_content_counts() {
        let plain = content(&[(CONTENT_TYPE, "a/b")]).unwrap();
        for lines in [
            &[(CONTENT_TYPE, "a/c")][..],
            &[(CONTENT_TYPE, "a/b"), (CONTENT_ENCODING, "")],
            &[(CONTENT_TYPE, "a/b"), (CONTENT_ENCODING, "gzip")],
            &[(CONTENT_TYPE, "a/b"), (CONTENT_LANGUAGE, "gzip")],
            &[(CONTENT_TYPE, "a/b"), (CONTENT_LOCATION, "gzip")],
        ] {
            assert_ne!(content(lines).unwrap(), plain);
        }
        let typed = headers(&[(CONTENT_TYPE, "a/b")]);
        assert_ne!(QueryContent::new(&typed, 6, &[1; 32]).unwrap(), plain);
        assert_ne!(QueryContent::new(&typed, 5, &[2; 32]).unwrap(), plain);
    }

    #[test]
    fn lines_of_one_field_are_merged() {
        let mut lines = headers(&[(CONTENT_TYPE, "a/b"), (CONTENT_ENCODING, "gzip")]);
        lines.append(CONTENT_ENCODING, HeaderValue::from_static("br"));
        let one = content(&[(CONTENT_TYPE, "a/b"), (CONTENT_ENCODING, "gzip, br")]);
        assert_eq!(QueryContent::new(&lines, 5, &[1; 32]), one);
    }
}
