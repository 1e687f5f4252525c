//! Types that the application puts into the extensions of requests, and what they mean to a cache.

use std::any::{TypeId, type_name};
use std::sync::{PoisonError, RwLock};

use http::Extensions;
use larder_policy::key::Partition;

/// A type of which a request may hold a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtensionType {
    id: TypeId,
    name: &'static str,
    partition: Option<fn(&Extensions) -> Option<Partition>>,
    has: fn(&Extensions) -> bool,
    remove: fn(&mut Extensions),
}

impl ExtensionType {
    pub(crate) fn of<T: Clone + Send + Sync + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            partition: None,
            has: |extensions| extensions.get::<T>().is_some(),
            remove: |extensions| {
                extensions.remove::<T>();
            },
        }
    }

    /// The same type, with what tells one value from another.
    pub(crate) fn with_partition(self, of: fn(&Extensions) -> Option<Partition>) -> Self {
        Self {
            partition: Some(of),
            ..self
        }
    }

    pub(crate) fn id(&self) -> TypeId {
        self.id
    }

    /// The path of the type.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// What stands for the value, if values of the type can be told apart.
    pub(crate) fn partition(&self, extensions: &Extensions) -> Option<Partition> {
        self.partition.and_then(|partition| partition(extensions))
    }

    pub(crate) fn remove_from(&self, extensions: &mut Extensions) {
        (self.remove)(extensions);
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
        match types.iter_mut().find(|known| known.is_same(&of)) {
            Some(known) => known.partition = known.partition.or(of.partition),
            None => types.push(of),
        }
    }

    /// Takes the values of all these types out of a request, but for those to keep.
    pub(crate) fn remove_from(
        &self,
        extensions: &mut Extensions,
        keep: impl Fn(&ExtensionType) -> bool,
    ) {
        let types = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for of in types.iter().filter(|of| !keep(of)) {
            of.remove_from(extensions);
        }
    }

    pub(crate) fn for_each(&self, mut each: impl FnMut(&ExtensionType)) {
        let types = self.0.read().unwrap_or_else(PoisonError::into_inner);
        types.iter().for_each(&mut each);
    }

    pub(crate) fn has(&self, of: &ExtensionType) -> bool {
        let types = self.0.read().unwrap_or_else(PoisonError::into_inner);
        types.iter().any(|known| known.is_same(of))
    }
}
