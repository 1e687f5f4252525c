//! What an annotation changes of a layer's settings and rules.

use std::sync::Arc;

use larder_policy::{Mode, Policy};

use super::RoutePolicy;
use super::whose::Whose;
use crate::budgets::Budgets;
use crate::context::Context;
use crate::verifier::Verifier;

impl RoutePolicy {
    pub(crate) fn refine(&self, context: &mut Context) {
        context.label = self.name.clone().or_else(|| context.label.take());
        if self.key.is_some() {
            context.set_key(self.key.clone());
        }
        if let Whose::Groups(identify) | Whose::Users(identify) = &self.whose {
            if let Some(of) = identify.of {
                context.cache.shared().identities.add(of);
            }
            context.identify = Some(identify.clone());
        }
        let before = context.budgets.as_deref().map(Budgets::distinct);
        let budget = self.cardinality_budget.or(before);
        context.budgets = budget.and_then(Budgets::new);
        if !self.tagging.is_empty() {
            let naming = &context.cache.shared().naming;
            context.tagging = Arc::new(self.tagging.in_cache(naming));
        }
        if self.forced.is_some() {
            context.forced.clone_from(&self.forced);
        }
        if self.tripwire.is_some() {
            context.tripwire.clone_from(&self.tripwire);
        }
        if let Some(verify) = &self.verify {
            context.verifier = Some(Arc::new(Verifier::new(verify.clone())));
        }
        let filling = &mut context.filling;
        if let Some(early) = self.early_refresh {
            filling.early_refresh = early;
        }
        if let Some(percent) = self.jitter_percent {
            filling.set_jitter(percent);
        }
        filling.soft_timeout = self.soft_timeout.or(filling.soft_timeout);
        filling.hard_timeout = self.hard_timeout.or(filling.hard_timeout);
    }

    pub(crate) fn apply(self, policy: Policy) -> Policy {
        let mut policy = policy.with_origin_overridden(self.override_origin);
        if !matches!(self.whose, Whose::Everybodys) {
            policy = policy.with_private_emission(true);
        }
        if self.query_method {
            policy = policy.with_query_method(true);
        }
        if matches!(self.whose, Whose::Users(_)) {
            policy = policy.with_mode(Mode::Private);
        }
        if let Some(lifetime) = self.lifetime {
            policy = policy.with_route_lifetime(lifetime);
        }
        if let Some(window) = self.stale_while_revalidate {
            policy = policy.with_stale_while_revalidate(window);
        }
        if let Some(window) = self.stale_if_error {
            policy = policy.with_stale_if_error(window);
        }
        if let Some(window) = self.grace {
            policy = policy.with_grace(Some(window));
        }
        if let Some(window) = self.keep {
            policy = policy.with_keep(Some(window));
        }
        if let Some((statuses, lifetime)) = self.errors {
            policy = policy.with_error_statuses(statuses, lifetime);
        }
        if let Some(fields) = self.tag_fields {
            policy = policy.with_tag_fields(fields);
        }
        if let Some(field) = self.downstream {
            policy = policy.with_downstream(field);
        }
        policy
    }
}
