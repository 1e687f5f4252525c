//! [`cached_handler`]: a handler whose arguments declare the key of its route.

use std::fmt;
use std::marker::PhantomData;

use axum::handler::Handler;
use axum::routing::{MethodRouter, get};
use larder::{Cache, Key};

use super::key_input::KeyInput;
use super::policy::CoveredPolicy;
use super::whose::Whose;
use crate::annotate::Cached;

/// A handler for GET and HEAD that reads only what the key of its route has: all of its arguments
/// are [`KeyInput`]s, and the key is made of what they declare.
///
/// `P` is for whom copies are kept. It follows from the policy that
/// [`cached`](CachedHandler::cached) is given, as the state does from the router, so nobody has to
/// write either:
///
/// ```
/// use std::time::Duration;
///
/// use axum::Router;
/// use axum::extract::Path;
/// use larder::Cache;
/// use larder_axum::{CoveredPolicy, cached_handler};
///
/// async fn product(Path(id): Path<u64>) -> String {
///     format!("product {id}")
/// }
///
/// let cache = Cache::builder().build();
/// let minute = Duration::from_secs(60);
/// let route = cached_handler(product).cached(&cache, CoveredPolicy::shared(minute));
/// let app: Router = Router::new().route("/products/{id}", route);
/// # drop(app);
/// ```
///
/// What reads more does not compile:
///
/// ```compile_fail,E0277
/// # use std::time::Duration;
/// # use axum::{Extension, Router};
/// # use larder::Cache;
/// # use larder_axum::{CoveredPolicy, cached_handler};
/// #[derive(Clone)]
/// struct CurrentUser(String);
///
/// async fn greeting(Extension(user): Extension<CurrentUser>) -> String {
///     format!("Hello, {}!", user.0)
/// }
///
/// # let cache = Cache::builder().build();
/// # let minute = Duration::from_secs(60);
/// // error: `Extension<CurrentUser>` reads something that the cache key does not cover
/// let route = cached_handler(greeting).cached(&cache, CoveredPolicy::shared(minute));
/// # let app: Router = Router::new().route("/", route);
/// ```
pub fn cached_handler<H, T, S, P>(handler: H) -> CachedHandler<H, T, S, P>
where
    H: Handler<T, S>,
    T: Covered<P>,
{
    CachedHandler {
        handler,
        key: T::declare(),
        others: None,
        covers: PhantomData,
    }
}

/// A handler, and the key that its arguments declare. Made by [`cached_handler`].
#[must_use = "a handler does nothing until it is on a route"]
pub struct CachedHandler<H, T, S, P> {
    handler: H,
    key: Key,
    others: Option<MethodRouter<S>>,
    covers: PhantomData<fn() -> (T, P)>,
}

impl<H, T, S, P> CachedHandler<H, T, S, P>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
    P: Whose,
{
    /// The handlers of the route's other methods, such as `post(create)`. They see requests as they
    /// are, and their success invalidates what is stored (RFC 9111 section 4.4).
    ///
    /// # Panics
    ///
    /// When methods overlap, as [`MethodRouter::merge`] does; `get` is taken.
    pub fn and(self, methods: MethodRouter<S>) -> Self {
        let others = match self.others {
            Some(others) => others.merge(methods),
            None => methods,
        };
        Self {
            others: Some(others),
            ..self
        }
    }

    /// The inputs that the arguments declare.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The route: GET and HEAD are answered from `cache` as `policy` says, under a key of what the
    /// arguments declare and what the policy declares besides. The handler sees nothing else of a
    /// request, and without a [`KeyedQuery`](crate::KeyedQuery) no parameter of the query counts.
    pub fn cached(self, cache: &Cache, policy: CoveredPolicy<P>) -> MethodRouter<S> {
        let handler = get(self.handler);
        let route = match self.others {
            Some(others) => handler.merge(others),
            None => handler,
        };
        route.cached(cache, policy.into_route(self.key))
    }
}

impl<H, T, S, P> fmt::Debug for CachedHandler<H, T, S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedHandler")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The arguments of a handler, all of which are [`KeyInput`]s. Implemented for what axum makes of
/// them, up to 16; a [`Handler`] that is no function implements it for the type that stands for its
/// arguments.
#[diagnostic::on_unimplemented(
    message = "nobody can tell what this handler reads of a request",
    label = "`{Self}` are not the arguments of a function",
    note = "a cached handler is an `async fn` or a closure"
)]
pub trait Covered<P> {
    /// The inputs that the arguments declare. Without arguments: the path.
    fn declare() -> Key;
}

/// The first of the types that axum makes of a handler's arguments is a marker of its own.
macro_rules! arguments {
    ($($of:ident)*) => {
        impl<P, M, $($of: KeyInput<P>),*> Covered<P> for (M, $($of,)*) {
            fn declare() -> Key {
                let path = || Key::new().no_query();
                path()$(.and($of::declare(path())))*
            }
        }
    };
}

arguments!();
arguments!(A1);
arguments!(A1 A2);
arguments!(A1 A2 A3);
arguments!(A1 A2 A3 A4);
arguments!(A1 A2 A3 A4 A5);
arguments!(A1 A2 A3 A4 A5 A6);
arguments!(A1 A2 A3 A4 A5 A6 A7);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15);
arguments!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16);
