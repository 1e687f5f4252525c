//! What a layer knows, and hands to the services it makes.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Extensions, Request, Uri};
use larder_policy::key::{Key, Partition};
use larder_policy::{BypassReason, Mode, Policy, Refinement};

use crate::berth::Berth;
use crate::budgets::Budgets;
use crate::cache::Cache;
use crate::filling::Filling;
use crate::forced::Forced;
use crate::framework::Framework;
use crate::identity::Identify;
use crate::tagging::Tagging;
use crate::tripwire::{Caller, Tripwire};
use crate::verifier::Verifier;

/// What a service needs to know besides its inner service.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) cache: Cache,
    /// Of distinct keys, if they are counted.
    pub(crate) budgets: Option<Arc<Budgets>>,
    pub(crate) filling: Filling,
    /// Whose `no-cache` is honoured, if not as the policy says.
    pub(crate) forced: Option<Forced>,
    pub(crate) framework: Framework,
    /// Whose copy it is; `None` is everybody's.
    pub(crate) identify: Option<Identify>,
    /// The declaration of inputs is wrong.
    pub(crate) invalid_key: bool,
    /// The declared inputs, if they are.
    pub(crate) key: Option<Arc<Key>>,
    /// The name of the route, if it was given one.
    pub(crate) label: Option<Arc<str>>,
    pub(crate) policy: Arc<Policy>,
    /// The tags that the route gives.
    pub(crate) tagging: Arc<Tagging>,
    /// Searches what is about to be shared, if the route has that done.
    pub(crate) tripwire: Option<Tripwire>,
    /// Hits are checked against the inner service.
    pub(crate) verifier: Option<Arc<Verifier>>,
}

/// Whose copy it is where it is everybody's.
static SHARED: Partition = Partition::shared();

impl Context {
    /// Whose copy a request is about. No identity means no lookup and no storing: a partitioned
    /// response is never shared for want of a name.
    #[inline]
    pub(crate) fn partition(
        &self,
        extensions: &Extensions,
    ) -> Result<Cow<'static, Partition>, BypassReason> {
        match &self.identify {
            Some(identify) => {
                let partition = identify.partition(extensions).map(Cow::Owned);
                partition.ok_or(BypassReason::Identity)
            }
            None if self.policy.mode() == Mode::Shared => Ok(Cow::Borrowed(&SHARED)),
            None => Err(BypassReason::Identity),
        }
    }

    /// The rules for one response that its handler refines.
    pub(crate) fn refined(&self, refinement: Refinement) -> Cow<'_, Policy> {
        if refinement.is_empty() {
            Cow::Borrowed(&*self.policy)
        } else {
            Cow::Owned(self.policy.refined(refinement))
        }
    }

    /// Who asks, if the route has its responses searched for that: those that others get.
    pub(crate) fn caller<B>(&self, request: &Request<B>) -> Option<Caller> {
        let shares = self.policy.mode() == Mode::Shared;
        let tripwire = self.tripwire.as_ref().filter(|_| shares)?;
        let strings = tripwire.strings(request.extensions(), request.headers());
        Some(Caller::new(strings, self.route_of(request)))
    }

    /// The URI that the client asked for.
    pub(crate) fn target_of<'a, B>(&self, request: &'a Request<B>) -> &'a Uri {
        (self.framework.target)(request.extensions()).unwrap_or_else(|| request.uri())
    }

    /// For a request whose work may go on when its client leaves.
    pub(crate) fn berth(&self) -> Arc<Berth> {
        let finish = self.filling.finish_on_disconnect;
        Arc::new(Berth::new(self.cache.clone(), finish))
    }

    /// What the route is called, as far as that is known.
    pub(crate) fn route_name<'a>(&'a self, extensions: &'a Extensions) -> Option<&'a str> {
        let found = || (self.framework.route)(extensions);
        self.label.as_deref().or_else(found)
    }

    /// What stands for the path in keys. What a policy calls its routes may be around several, so
    /// that the router's own name goes first.
    pub(crate) fn route_in_key<'a>(&'a self, extensions: &'a Extensions) -> Option<&'a str> {
        (self.framework.route)(extensions).or(self.label.as_deref())
    }

    /// What the route is called in reports.
    pub(crate) fn route_of<'a, B>(&'a self, request: &'a Request<B>) -> &'a str {
        let name = self.route_name(request.extensions());
        name.unwrap_or_else(|| self.target_of(request).path())
    }
}
