//! Whose copies a route keeps.

use std::time::Duration;

use http::Extensions;
use larder_policy::key::{KeyPart, Partition, RoleSet};

use super::RoutePolicy;
use crate::identity::Identify;

/// Whose copies a route keeps.
#[derive(Debug, Clone, Default)]
pub(super) enum Whose {
    #[default]
    Everybodys,
    /// One for each group; what is for one user only is not kept.
    Groups(Identify),
    Users(Identify),
}

impl RoutePolicy {
    /// A stored response for each user, found by the `T` that the application's own authentication
    /// put into the request's extensions. A request without one bypasses the cache. The handler sees
    /// the user's credentials, which the partition covers, and declared inputs; what is `private` is
    /// stored, and clients are told that everything is. If something else in the extensions makes a
    /// difference to the same user, such as the tenant, declare it
    /// ([`Key::extension`](crate::Key::extension)).
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{KeyPart, PartWriter, RoutePolicy};
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
    /// let policy = RoutePolicy::per_user::<UserId>(Duration::from_secs(30));
    /// # drop(policy);
    /// ```
    pub fn per_user<T: KeyPart + Clone>(lifetime: Duration) -> Self {
        Self {
            whose: Whose::Users(Identify::by::<T>()),
            ..Self::shared(lifetime)
        }
    }

    /// A stored response for each tenant, found by the `T` in the request's extensions. A request
    /// without one bypasses the cache. The handler does not see who of the tenant's users asks; what
    /// is `private` is not stored, and clients are told that everything is.
    pub fn per_tenant<T: KeyPart + Clone>(lifetime: Duration) -> Self {
        Self {
            whose: Whose::Groups(Identify::by::<T>()),
            ..Self::shared(lifetime)
        }
    }

    /// A stored response for each set of roles, found by the `T` in the request's extensions: all
    /// users with exactly the same roles share it. Otherwise as [`per_tenant`](Self::per_tenant).
    pub fn per_roles<T: RoleSet + Clone>(lifetime: Duration) -> Self {
        Self {
            whose: Whose::Groups(Identify::by_roles::<T>()),
            ..Self::shared(lifetime)
        }
    }

    /// A stored response for each partition that a function finds in the request's extensions, `None`
    /// being nobody. For groups that more than one type tells apart; otherwise as
    /// [`per_tenant`](Self::per_tenant).
    pub fn partitioned_by(
        lifetime: Duration,
        find: impl Fn(&Extensions) -> Option<Partition> + Send + Sync + 'static,
    ) -> Self {
        Self {
            whose: Whose::Groups(Identify::with(find)),
            ..Self::shared(lifetime)
        }
    }

    /// Keeps copies for those for whom another policy keeps them; all other settings stay.
    pub fn partitioned_like(self, other: &Self) -> Self {
        Self {
            whose: other.whose.clone(),
            ..self
        }
    }
}
