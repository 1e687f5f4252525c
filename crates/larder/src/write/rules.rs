//! [`Rules`]: what a write is, and what it changes.

use std::sync::Arc;

use http::Request;
use larder_policy::Policy;

use super::pending::PendingWrite;
use crate::cache::Cache;
use crate::framework::Framework;
use crate::purge::Purge;
use crate::view::{RequestView, ResponseView};

/// What the layer hands to the services it makes.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) cache: Cache,
    pub(super) changed: Arc<Changed>,
    pub(super) finish_on_disconnect: bool,
    pub(super) framework: Framework,
    pub(super) policy: Arc<Policy>,
}

pub(super) type Changed = dyn Fn(&RequestView<'_>, &ResponseView<'_>) -> Purge + Send + Sync;

impl Rules {
    /// What is kept of a request, if it is a write.
    pub(super) fn pending<B>(&self, request: &Request<B>) -> Option<PendingWrite> {
        let extensions = request.extensions();
        let uri = (self.framework.target)(extensions).unwrap_or_else(|| request.uri());
        let route = (self.framework.route)(extensions);
        PendingWrite::of(&self.cache, &self.policy, request, uri, route)
    }
}
