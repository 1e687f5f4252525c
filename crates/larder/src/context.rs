//! What a layer knows, and hands to the services it makes.

use std::sync::Arc;

use http::{Extensions, Uri};
use larder_policy::key::Partition;
use larder_policy::{BypassReason, Mode, Policy};

use crate::cache::Cache;
use crate::filling::Filling;

/// What a service needs to know besides its inner service.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) cache: Cache,
    pub(crate) filling: Filling,
    pub(crate) policy: Arc<Policy>,
    pub(crate) target: TargetUri,
    pub(crate) partition: Option<Arc<Identify>>,
}

impl Context {
    /// Whose copy a request is about. No identity means no lookup and no storing: a partitioned
    /// response is never shared for want of a name.
    pub(crate) fn partition(&self, extensions: &Extensions) -> Result<Partition, BypassReason> {
        match &self.partition {
            Some(identify) => identify(extensions).ok_or(BypassReason::Identity),
            None if self.policy.mode() == Mode::Shared => Ok(Partition::shared()),
            None => Err(BypassReason::Identity),
        }
    }
}

/// Finds the URI that the client asked for among a request's extensions.
pub(crate) type TargetUri = fn(&Extensions) -> Option<&Uri>;

/// Finds the identity that the application's own authentication put among a request's extensions.
type Identify = dyn Fn(&Extensions) -> Option<Partition> + Send + Sync;
