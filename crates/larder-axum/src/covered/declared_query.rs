//! Declared parameters of the query as an argument.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use larder::Key;
use serde::de::DeserializeOwned;

use super::key_input::KeyInput;

/// Parameters of the query that a handler reads, by name.
///
/// ```
/// use larder_axum::DeclaredQuery;
///
/// struct Filter {
///     page: Option<u32>,
///     sort: Option<String>,
/// }
///
/// impl DeclaredQuery for Filter {
///     const NAMES: &'static [&'static str] = &["page", "sort"];
/// }
/// ```
pub trait DeclaredQuery {
    /// The names, as [`Key::query`] takes them: a `*` at the end of one stands for any ending, and
    /// `*` alone for the whole query.
    const NAMES: &'static [&'static str];
}

/// Declared parameters of the query. Reads them as axum's `Query` does, and sees no others; they are
/// part of the key, byte for byte, in the order and as often as they come. What several such
/// arguments declare counts together, and each sees its own.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "taken apart among the arguments of handlers"
)]
pub struct KeyedQuery<Q>(pub Q);

impl<P, Q: DeclaredQuery> KeyInput<P> for KeyedQuery<Q> {
    fn declare(key: Key) -> Key {
        key.query(Q::NAMES)
    }
}

impl<S, Q> FromRequestParts<S> for KeyedQuery<Q>
where
    S: Send + Sync,
    Q: DeclaredQuery + DeserializeOwned,
{
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, QueryRejection> {
        let own = Key::new().query(Q::NAMES).narrowed_uri(&parts.uri);
        let Query(query) = Query::try_from_uri(own.as_ref().unwrap_or(&parts.uri))?;
        Ok(Self(query))
    }
}
