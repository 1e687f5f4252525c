//! [`Purge`]: what is to be dropped.

use larder_policy::key::{KeyPart, Partition, RoleSet};

/// What is to be dropped from a cache; see [`Cache::purge`](crate::Cache::purge).
#[derive(Debug, Clone)]
#[must_use = "a purge does nothing until a cache is told of it"]
pub struct Purge {
    what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Everything,
    /// An identity that is nobody has nothing stored.
    Nothing,
    Partition(Partition),
}

impl Purge {
    /// Every stored response.
    pub const fn everything() -> Self {
        Self {
            what: What::Everything,
        }
    }

    /// What is stored in one partition, on all routes: when a user logs out or changes roles.
    /// [`Partition::shared`] names nothing: use [`everything`](Self::everything). The partition has to
    /// be the one that the routes make: for [`RoutePolicy::per_user`](crate::RoutePolicy::per_user)
    /// and [`per_tenant`](crate::RoutePolicy::per_tenant) that is what
    /// [`identity`](Self::identity) names, not one made by hand with [`Partition::of`].
    pub fn partition(partition: Partition) -> Self {
        let what = if partition.is_shared() {
            What::Nothing
        } else {
            What::Partition(partition)
        };
        Self { what }
    }

    /// What is stored for one identity on routes of
    /// [`RoutePolicy::per_user`](crate::RoutePolicy::per_user) and its kind.
    pub fn identity<T: KeyPart>(identity: &T) -> Self {
        let what = Partition::of_identity(identity).map_or(What::Nothing, What::Partition);
        Self { what }
    }

    /// What is stored for exactly this set of roles on routes of
    /// [`RoutePolicy::per_roles`](crate::RoutePolicy::per_roles).
    pub fn roles<T: RoleSet>(roles: &T) -> Self {
        Self::partition(Partition::of_roles(roles))
    }

    pub(crate) fn into_what(self) -> What {
        self.what
    }
}

/// That a purge has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt {
    position: u64,
}

impl Receipt {
    pub(crate) const fn new(position: u64) -> Self {
        Self { position }
    }

    /// The position of the purge in the order of all purges of this cache. Whatever was begun before
    /// it and depends on what it names is not served any more.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }
}
