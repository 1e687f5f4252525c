//! Extractors of what the application's own layers put into the extensions.

use std::marker::PhantomData;

use axum::Extension;
use axum::extract::rejection::ExtensionRejection;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use larder::{Key, KeyPart, RoleSet};

use super::key_input::KeyInput;
use super::whose::{PerRoles, PerTenant, PerUser};

/// A value from the request's extensions that is part of the key, such as the version of the API or
/// a feature flag. Absent is an error of the server's, as it is with [`Extension`]; absent may be what
/// an `Option` of it is.
///
/// All that a handler can see of the value has to be in what its [`KeyPart`] writes. It is not for
/// who asks: identities that the cache [knows](larder::CacheBuilder::identity) are withheld where one
/// copy is kept for all. What is the same for all requests, such as a pool of connections, is a
/// [`State`](axum::extract::State).
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "taken apart among the arguments of handlers"
)]
pub struct KeyedExtension<T>(pub T);

/// Who asks: the identity that the route is partitioned by, put into the extensions by the
/// application's own authentication. Absent is an error of the server's, as it is with [`Extension`]:
/// whoever nobody knows is sent away by the authentication; or else take an `Option` of it.
///
/// All that a handler can see of the identity has to be in what its [`KeyPart`] writes.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "taken apart among the arguments of handlers"
)]
pub struct Caller<T>(pub T);

/// The roles of whoever asks, sorted, each once, where a route keeps a copy for each set of them. Not
/// the identity itself, which may be more than its roles.
#[derive(Clone, Debug)]
pub struct CallerRoles<T> {
    roles: Vec<Box<str>>,
    of: PhantomData<fn() -> T>,
}

impl<P, T: KeyPart> KeyInput<P> for KeyedExtension<T> {
    fn declare(key: Key) -> Key {
        key.extension::<T>()
    }
}

impl<T: KeyPart> KeyInput<PerUser<T>> for Caller<T> {}
impl<T: KeyPart> KeyInput<PerTenant<T>> for Caller<T> {}
impl<T: RoleSet> KeyInput<PerRoles<T>> for CallerRoles<T> {}

impl<T> CallerRoles<T> {
    /// Whether this is one of the roles.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|has| **has == *role)
    }

    /// The roles, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(AsRef::as_ref)
    }
}

impl<T: RoleSet> From<&T> for CallerRoles<T> {
    fn from(identity: &T) -> Self {
        let mut roles: Vec<Box<str>> = identity.roles().map(Box::from).collect();
        roles.sort_unstable();
        roles.dedup();
        Self {
            roles,
            of: PhantomData,
        }
    }
}

/// The same as axum's `Extension` finds, as this.
macro_rules! from_extension {
    ($extractor:ident, $of:ident, $value:ident => $made:expr) => {
        impl<S, T> FromRequestParts<S> for $extractor<T>
        where
            S: Send + Sync,
            T: $of + Clone,
        {
            type Rejection = ExtensionRejection;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &S,
            ) -> Result<Self, Self::Rejection> {
                let extension = <Extension<T> as FromRequestParts<S>>::from_request_parts;
                let found = extension(parts, state).await;
                found.map(|Extension($value)| $made)
            }
        }

        impl<S, T> OptionalFromRequestParts<S> for $extractor<T>
        where
            S: Send + Sync,
            T: $of + Clone,
        {
            type Rejection = std::convert::Infallible;

            async fn from_request_parts(
                parts: &mut Parts,
                _: &S,
            ) -> Result<Option<Self>, Self::Rejection> {
                let found = parts.extensions.get::<T>().cloned();
                Ok(found.map(|$value| $made))
            }
        }
    };
}

from_extension!(KeyedExtension, KeyPart, value => Self(value));
from_extension!(Caller, KeyPart, value => Self(value));
from_extension!(CallerRoles, RoleSet, value => Self::from(&value));
