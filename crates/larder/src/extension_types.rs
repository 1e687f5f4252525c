//! Types that the application puts into the extensions of requests, and what they mean to a cache.

use std::any::TypeId;
use std::sync::{PoisonError, RwLock};

use http::Extensions;

/// A type of which a request may hold a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtensionType {
    id: TypeId,
    has: fn(&Extensions) -> bool,
    remove: fn(&mut Extensions),
}

impl ExtensionType {
    pub(crate) fn of<T: Clone + Send + Sync + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            has: |extensions| extensions.get::<T>().is_some(),
            remove: |extensions| {
                extensions.remove::<T>();
            },
        }
    }

    pub(crate) fn is_in(&self, extensions: &Extensions) -> bool {
        (self.has)(extensions)
    }
}

/// A growing set of types. Read when a request is forwarded, never on a hit.
#[derive(Debug, Default)]
pub(crate) struct ExtensionTypes(RwLock<Vec<ExtensionType>>);

impl ExtensionTypes {
    pub(crate) fn new(types: Vec<ExtensionType>) -> Self {
        let set = Self::default();
        types.into_iter().for_each(|of| set.add(of));
        set
    }

    pub(crate) fn add(&self, of: ExtensionType) {
        let mut types = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if types.iter().all(|known| known.id != of.id) {
            types.push(of);
        }
    }

    /// Takes the values of all these types but one out of a request.
    pub(crate) fn remove_from(&self, extensions: &mut Extensions, but: Option<ExtensionType>) {
        let types = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for of in types.iter() {
            if but.is_none_or(|but| but.id != of.id) {
                (of.remove)(extensions);
            }
        }
    }

    /// How many of these types a request has a value of.
    pub(crate) fn count_in(&self, extensions: &Extensions) -> usize {
        let types = self.0.read().unwrap_or_else(PoisonError::into_inner);
        types.iter().filter(|of| of.is_in(extensions)).count()
    }
}
