//! In what answers can differ.

use std::fmt;

use http::StatusCode;
use http::header::HeaderName;

/// In what two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    Body,
    Header(HeaderName),
    Status(StatusCode, StatusCode),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Status(one, other) => {
                write!(f, "status ({} and {})", one.as_u16(), other.as_u16())
            }
        }
    }
}
