//! Declared header fields and cookies as arguments.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::response::IntoResponse;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use larder::Key;
use larder::policy::key::cookie;

use super::key_input::KeyInput;

/// A header field that a handler reads.
///
/// ```
/// use std::convert::Infallible;
///
/// use axum::http::HeaderValue;
/// use larder_axum::DeclaredHeader;
///
/// enum Region {
///     Europe,
///     Elsewhere,
/// }
///
/// impl DeclaredHeader for Region {
///     const NAME: &'static str = "x-region";
///     type Rejection = Infallible;
///
///     fn parse(value: Option<&HeaderValue>) -> Result<Self, Infallible> {
///         Ok(match value {
///             Some(value) if value == "eu" => Self::Europe,
///             _ => Self::Elsewhere,
///         })
///     }
/// }
/// ```
pub trait DeclaredHeader: Sized {
    /// The name of the field.
    const NAME: &'static str;

    /// What a client is told whose field is not as it ought to be. [`Infallible`] for none.
    ///
    /// [`Infallible`]: std::convert::Infallible
    type Rejection: IntoResponse;

    /// Makes the argument of the field's value; `None` is absent. Lines of the same field are one
    /// value, put together with commas (RFC 9110 section 5.3).
    ///
    /// # Errors
    ///
    /// As the implementor says.
    fn parse(value: Option<&HeaderValue>) -> Result<Self, Self::Rejection>;

    /// Adds the field to the key. Default: as it is sent ([`Key::header`]). An implementor that
    /// tells fewer values apart says so here, so that they share what is stored: with
    /// [`Key::header_lowercase`], [`Key::header_flag`], [`Key::languages`], [`Key::encodings`] or
    /// [`Key::header_with`]. It then parses what the field is rewritten to.
    fn declare(key: Key) -> Key {
        key.header(Self::NAME)
    }
}

/// A cookie that a handler reads.
///
/// ```
/// use std::convert::Infallible;
///
/// use larder_axum::DeclaredCookie;
///
/// /// Whether pages are dark.
/// struct Dark(bool);
///
/// impl DeclaredCookie for Dark {
///     const NAME: &'static str = "theme";
///     type Rejection = Infallible;
///
///     fn parse(value: Option<&str>) -> Result<Self, Infallible> {
///         Ok(Self(value == Some("dark")))
///     }
/// }
/// ```
pub trait DeclaredCookie: Sized {
    /// The name of the cookie, which is case-sensitive.
    const NAME: &'static str;

    /// What a client is told whose cookie is not as it ought to be.
    type Rejection: IntoResponse;

    /// Makes the argument of the first cookie of the name. `None` is absent, or not UTF-8.
    ///
    /// # Errors
    ///
    /// As the implementor says.
    fn parse(value: Option<&str>) -> Result<Self, Self::Rejection>;
}

/// A declared header field; it is part of the key.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "taken apart among the arguments of handlers"
)]
pub struct KeyedHeader<H>(pub H);

/// A declared cookie; it is part of the key.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "taken apart among the arguments of handlers"
)]
pub struct KeyedCookie<C>(pub C);

impl<P, H: DeclaredHeader> KeyInput<P> for KeyedHeader<H> {
    fn declare(key: Key) -> Key {
        H::declare(key)
    }
}

impl<P, C: DeclaredCookie> KeyInput<P> for KeyedCookie<C> {
    fn declare(key: Key) -> Key {
        key.cookie(C::NAME)
    }
}

impl<S, H> FromRequestParts<S> for KeyedHeader<H>
where
    S: Send + Sync,
    H: DeclaredHeader,
{
    type Rejection = H::Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, H::Rejection> {
        let value = whole_value(&parts.headers, H::NAME);
        H::parse(value.as_deref()).map(Self)
    }
}

impl<S, C> FromRequestParts<S> for KeyedCookie<C>
where
    S: Send + Sync,
    C: DeclaredCookie,
{
    type Rejection = C::Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, C::Rejection> {
        let value = cookie(&parts.headers, C::NAME);
        let value = value.and_then(|value| std::str::from_utf8(value).ok());
        C::parse(value).map(Self)
    }
}

/// All lines of a field in one.
fn whole_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, HeaderValue>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    let mut value = first.as_bytes().to_vec();
    let mut several = false;
    for line in lines {
        value.extend_from_slice(b", ");
        value.extend_from_slice(line.as_bytes());
        several = true;
    }
    let whole = several.then(|| HeaderValue::from_bytes(&value).ok());
    Some(whole.flatten().map_or(Cow::Borrowed(first), Cow::Owned))
}
