//! What becomes of a declared header field before it is part of a key and before the inner service
//! sees it. Both get the same value: a coarser one in the key alone would serve what was made for
//! one request to another that differs.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::bytes::KeyBuf;
use super::coding::Codings;
use super::flag::flag;
use super::language::Languages;
use super::normalise::{merge, normalise};

/// A function from the value of a field, its lines merged, to what it counts as.
pub(super) type Rewrite = dyn Fn(Option<&[u8]>) -> Option<HeaderValue> + Send + Sync;

/// How the value of a declared field is rewritten.
#[derive(Clone)]
pub(super) enum Normaliser {
    /// In a normal form that means the same (RFC 9111 section 4.1).
    AsSent,
    /// The coding to use.
    Codings(Codings),
    /// `1` or `0`.
    Flag,
    /// The language to use.
    Languages(Languages),
    LowerCase,
    With(Arc<Rewrite>),
}

impl Normaliser {
    /// Appends the value of a request's field. Returns false and appends nothing if it is absent.
    pub(super) fn write(&self, name: &HeaderName, headers: &HeaderMap, out: &mut KeyBuf) -> bool {
        match self {
            Self::AsSent => normalise(name, headers, out),
            Self::Codings(codings) => chosen(codings.choose(lines(name, headers)), out),
            Self::Flag => chosen(if flag(lines(name, headers)) { "1" } else { "0" }, out),
            Self::Languages(known) => chosen(known.choose(lines(name, headers)), out),
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

fn lines<'a>(name: &HeaderName, headers: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

/// A choice is always made, also where the field is absent.
fn chosen(choice: &str, out: &mut KeyBuf) -> bool {
    out.extend_from_slice(choice.as_bytes());
    true
}

impl fmt::Debug for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsSent => "AsSent",
            Self::Codings(_) => "Codings",
            Self::Flag => "Flag",
            Self::Languages(_) => "Languages",
            Self::LowerCase => "LowerCase",
            Self::With(_) => "With",
        })
    }
}
