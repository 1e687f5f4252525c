//! Whose copies a route keeps, as a type.

use std::marker::PhantomData;
use std::time::Duration;

use larder::{KeyPart, RoleSet, RoutePolicy};

/// Whose copies a route keeps, as a type: what its handler may know of the caller depends on it.
///
/// A partition of the application's own is a type of its own, and so are the extractors that it
/// covers:
///
/// ```
/// use std::time::Duration;
///
/// use axum::http::Extensions;
/// use larder::{RoutePolicy, policy::key::Partition};
/// use larder_axum::{CoveredPolicy, Whose};
///
/// #[derive(Clone)]
/// struct Plan(&'static str);
///
/// /// A copy for each plan that customers can have.
/// struct PerPlan;
///
/// impl Whose for PerPlan {
///     fn policy(lifetime: Duration) -> RoutePolicy {
///         RoutePolicy::partitioned_by(lifetime, |extensions| {
///             let Plan(name) = extensions.get()?;
///             Partition::of("plan", name.as_bytes()).ok()
///         })
///     }
/// }
///
/// let policy = CoveredPolicy::<PerPlan>::new(Duration::from_secs(60));
/// # drop(policy);
/// ```
pub trait Whose: 'static {
    /// The annotation of such a route.
    fn policy(lifetime: Duration) -> RoutePolicy;
}

/// One copy for all ([`RoutePolicy::shared`]).
#[derive(Debug)]
#[non_exhaustive]
pub struct Shared;

/// A copy for each user ([`RoutePolicy::per_user`]).
#[derive(Debug)]
pub struct PerUser<T>(PhantomData<fn() -> T>);

/// A copy for each tenant ([`RoutePolicy::per_tenant`]).
#[derive(Debug)]
pub struct PerTenant<T>(PhantomData<fn() -> T>);

/// A copy for each set of roles ([`RoutePolicy::per_roles`]).
#[derive(Debug)]
pub struct PerRoles<T>(PhantomData<fn() -> T>);

impl Whose for Shared {
    fn policy(lifetime: Duration) -> RoutePolicy {
        RoutePolicy::shared(lifetime)
    }
}

impl<T: KeyPart + Clone> Whose for PerUser<T> {
    fn policy(lifetime: Duration) -> RoutePolicy {
        RoutePolicy::per_user::<T>(lifetime)
    }
}

impl<T: KeyPart + Clone> Whose for PerTenant<T> {
    fn policy(lifetime: Duration) -> RoutePolicy {
        RoutePolicy::per_tenant::<T>(lifetime)
    }
}

impl<T: RoleSet + Clone> Whose for PerRoles<T> {
    fn policy(lifetime: Duration) -> RoutePolicy {
        RoutePolicy::per_roles::<T>(lifetime)
    }
}
