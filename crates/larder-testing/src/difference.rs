//! In what answers can differ.

use std::fmt;

use http::StatusCode;
use http::header::HeaderName;

/// In what two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// From this byte on.
    Body(usize),
    Header(HeaderName),
    Status(StatusCode, StatusCode),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(0) => f.write_str("body"),
            Self::Body(same) => write!(f, "body from byte {same} on"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Status(one, other) => {
                write!(f, "status ({} and {})", one.as_u16(), other.as_u16())
            }
        }
    }
}
