//! What becomes of a declared header field before it is part of a key and before the inner service
//! sees it. Both get the same value: a coarser one in the key alone would serve what was made for
//! one request to another that differs.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::encode::KeyBuf;
use super::normalise::{merge, normalise};

/// A function from the value of a field, its lines merged, to what it counts as.
pub(super) type Rewrite = dyn Fn(Option<&[u8]>) -> Option<HeaderValue> + Send + Sync;

/// How the value of a declared field is rewritten.
#[derive(Clone)]
pub(super) enum Normaliser {
    /// In a normal form that means the same (RFC 9111 section 4.1).
    AsSent,
    LowerCase,
    With(Arc<Rewrite>),
}

impl Normaliser {
    /// Appends the value of a request's field. Returns false and appends nothing if it is absent.
    pub(super) fn write(&self, name: &HeaderName, headers: &HeaderMap, out: &mut KeyBuf) -> bool {
        match self {
            Self::AsSent => normalise(name, headers, out),
            Self::LowerCase => {
                let present = normalise(name, headers, out);
                out.make_ascii_lowercase();
                present
            }
            Self::With(rewrite) => {
                let present = merge(name, headers, out);
                let value = rewrite(present.then_some(out.as_slice()));
                out.clear();
                if let Some(value) = &value {
                    out.extend_from_slice(value.as_bytes());
                }
                value.is_some()
            }
        }
    }
}

impl fmt::Debug for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsSent => "AsSent",
            Self::LowerCase => "LowerCase",
            Self::With(_) => "With",
        })
    }
}
