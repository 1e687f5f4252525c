//! [`KeyInput`]: extractors that read only what a key has.

use axum::extract::{MatchedPath, NestedPath, OriginalUri, Path, RawPathParams, State};
use http::{Method, Uri};
use larder::Key;

/// An extractor that reads only what the key of a route has which keeps its copies for `P`.
///
/// | implemented for | reads | for |
/// |---|---|---|
/// | axum's `Path`, `RawPathParams`, `MatchedPath`, `NestedPath`, `Uri`, `OriginalUri`, `Method` | what every key has | everyone |
/// | axum's `State` | nothing of the request | everyone |
/// | [`KeyedQuery`], [`KeyedHeader`], [`KeyedCookie`], [`KeyedExtension`] | what it adds to the key | everyone |
/// | [`Caller<T>`] | the identity `T` | [`PerUser<T>`], [`PerTenant<T>`] |
/// | [`CallerRoles<T>`] | the roles of the identity `T` | [`PerRoles<T>`] |
/// | `Option`, `Result` and tuples of these | what they read | those for whom these are |
///
/// It is not implemented for axum's `Query`, `HeaderMap`, `Extension`, `ConnectInfo`, `Request` and
/// what reads its content: they show more of a request than a key has. On a [narrowed](larder::Key)
/// request they would show nothing, which is what a handler that compiles ought not to find out at
/// run time.
///
/// # For an extractor of your own
///
/// The promise is yours: an implementor reads nothing from the request but what it declares, what
/// every key has, and the identity that `P` tells apart. What is promised and wrong shows at the
/// first miss: on a shared route whatever is not declared is withheld.
///
/// ```
/// use axum::RequestPartsExt;
/// use axum::extract::FromRequestParts;
/// use axum::http::{StatusCode, request::Parts};
/// use larder::{Key, KeyPart, PartWriter};
/// use larder_axum::{Caller, KeyInput, PerUser};
///
/// #[derive(Clone)]
/// struct UserId(u64);
///
/// impl KeyPart for UserId {
///     const NAME: &'static str = "user";
///
///     fn write(&self, out: &mut PartWriter) {
///         out.number(self.0);
///     }
/// }
///
/// /// Who asks, looked up by the id that the authentication found.
/// struct CurrentUser {
///     id: UserId,
/// }
///
/// impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
///     type Rejection = StatusCode;
///
///     async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
///         let caller: Option<Caller<UserId>> = parts.extract().await.unwrap_or_default();
///         let Caller(id) = caller.ok_or(StatusCode::FORBIDDEN)?;
///         Ok(Self { id })
///     }
/// }
///
/// /// Only where every user has a copy of their own.
/// impl KeyInput<PerUser<UserId>> for CurrentUser {}
///
/// /// Reads a header field. On any route, so `P` is free.
/// struct IsMobile(bool);
///
/// impl<P> KeyInput<P> for IsMobile {
///     fn declare(key: Key) -> Key {
///         key.header("sec-ch-ua-mobile")
///     }
/// }
/// ```
///
/// [`Caller<T>`]: crate::Caller
/// [`CallerRoles<T>`]: crate::CallerRoles
/// [`KeyedCookie`]: crate::KeyedCookie
/// [`KeyedExtension`]: crate::KeyedExtension
/// [`KeyedHeader`]: crate::KeyedHeader
/// [`KeyedQuery`]: crate::KeyedQuery
/// [`PerRoles<T>`]: crate::PerRoles
/// [`PerTenant<T>`]: crate::PerTenant
/// [`PerUser<T>`]: crate::PerUser
#[diagnostic::on_unimplemented(
    message = "`{Self}` reads something that the cache key does not cover",
    label = "the key of this route does not have what `{Self}` reads",
    note = "parameters of the query: take `KeyedQuery<Q>`; a header field: `KeyedHeader<H>`; a cookie: `KeyedCookie<C>`; \
            a value that a layer put into the extensions: `KeyedExtension<T>`",
    note = "who asks: take `Caller<T>`, and give the route a partition: `CoveredPolicy::per_user::<T>(..)` or `per_tenant`; \
            what they may do: `CallerRoles<T>`, with `per_roles`",
    note = "an extractor of your own that reads no more than the key has: implement `KeyInput` for it"
)]
pub trait KeyInput<P> {
    /// Adds what the extractor reads to a key that has the path and no parameter of the query.
    /// Default: nothing. Keys of several extractors are put together with [`Key::and`].
    fn declare(key: Key) -> Key {
        key
    }
}

impl<P, T> KeyInput<P> for Path<T> {}
impl<P> KeyInput<P> for RawPathParams {}
impl<P> KeyInput<P> for MatchedPath {}
impl<P> KeyInput<P> for NestedPath {}
impl<P> KeyInput<P> for Uri {}
impl<P> KeyInput<P> for OriginalUri {}
impl<P> KeyInput<P> for Method {}
impl<P, S> KeyInput<P> for State<S> {}

impl<P, T: KeyInput<P>> KeyInput<P> for Option<T> {
    fn declare(key: Key) -> Key {
        T::declare(key)
    }
}

impl<P, T: KeyInput<P>, E> KeyInput<P> for Result<T, E> {
    fn declare(key: Key) -> Key {
        T::declare(key)
    }
}

#[diagnostic::do_not_recommend]
impl<P> KeyInput<P> for () {}

/// Extractors in a tuple are an extractor too.
macro_rules! tuples {
    ($($of:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<P, $($of: KeyInput<P>),*> KeyInput<P> for ($($of,)*) {
            fn declare(key: Key) -> Key {
                key$(.and($of::declare(Key::new().no_query())))*
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
