//! Whose copy a request is about.

use std::fmt;
use std::sync::Arc;

use http::Extensions;
use larder_policy::key::{KeyPart, Partition, RoleSet};

use crate::extension_types::ExtensionType;

/// Finds the identity that the application's own authentication put among a request's extensions.
type Find = dyn Fn(&Extensions) -> Option<Partition> + Send + Sync;

/// How a route finds out whose copy a request is about.
#[derive(Clone)]
pub(crate) struct Identify {
    find: Arc<Find>,
    /// The type it looks for, if it is a single one.
    pub(crate) of: Option<ExtensionType>,
}

impl Identify {
    pub(crate) fn with(
        find: impl Fn(&Extensions) -> Option<Partition> + Send + Sync + 'static,
    ) -> Self {
        Self {
            find: Arc::new(find),
            of: None,
        }
    }

    pub(crate) fn by<T: KeyPart + Clone>() -> Self {
        let find = |extensions: &Extensions| Partition::of_identity(extensions.get::<T>()?).ok();
        Self {
            of: Some(ExtensionType::of::<T>().with_partition(find)),
            ..Self::with(find)
        }
    }

    pub(crate) fn by_roles<T: RoleSet + Clone>() -> Self {
        let find = |extensions: &Extensions| Some(Partition::of_roles(extensions.get::<T>()?));
        Self {
            of: Some(ExtensionType::of::<T>().with_partition(find)),
            ..Self::with(find)
        }
    }

    /// `None` is nobody.
    pub(crate) fn partition(&self, extensions: &Extensions) -> Option<Partition> {
        (self.find)(extensions).filter(|partition| !partition.is_shared())
    }
}

impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identify").finish_non_exhaustive()
    }
}
