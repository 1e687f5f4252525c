//! Responses that are for nobody else: those who wait for one go on at once, and for a while nobody waits for
//! the next.

use std::time::Duration;

use http::StatusCode;
use larder_policy::SkipReason;

use crate::job::Job;
use crate::landing::Landing;
use crate::marks::Scope;

/// Longer than other nodes take to look again for what they wait for.
const FOR_THOSE_WHO_WAIT: Duration = Duration::from_secs(1);

impl Job {
    /// The response is for nobody else. Remembered, so that the next requests do not wait for one
    /// another, unless it was a failure: those end.
    pub(crate) fn uncacheable(&mut self, status: StatusCode, reason: SkipReason) {
        let scope = match reason {
            // Says nothing about the next response.
            SkipReason::Cardinality
            | SkipReason::Invalidated
            | SkipReason::NoRuntime
            | SkipReason::RequestNoStore => return,
            SkipReason::Authorization | SkipReason::Cookie | SkipReason::UndeclaredExtension => {
                Scope::Credentials
            }
            _ => self.scope(),
        };
        let lasts = !status.is_server_error() && reason != SkipReason::FillBudget;
        self.lands_alone(scope, lasts);
    }

    /// Nothing of the response is for others, nor, where that lasts, of those that come next.
    pub(crate) fn lands_alone(&mut self, scope: Scope, lasts: bool) {
        // It is the layer within that stores, and whose requests may wait for one another.
        if lasts && !self.has_inner {
            self.mark(scope);
        }
        if let Some(lease) = self.lease.take()
            && lasts
            && !self.has_inner
        {
            let marked = self.context.cache.shared().marks.lasts();
            lease.alone(match scope {
                Scope::Everybody => marked,
                // For those that wait now: the store cannot tell them from those that may share.
                Scope::Credentials => marked.min(FOR_THOSE_WHO_WAIT),
            });
        }
        self.land(Landing::Alone(scope));
    }

    pub(crate) fn has_credentials(&self) -> bool {
        let head = self.sent.head().on_behalf_of(self.credentials);
        head.has_authorization() || head.has_cookie()
    }

    /// Whose requests a response was not for that is not for others.
    pub(crate) fn scope(&self) -> Scope {
        // What a user may not share says nothing about what everybody gets.
        if self.has_credentials() {
            Scope::Credentials
        } else {
            Scope::Everybody
        }
    }

    /// Remembers that responses of this key are not for others.
    pub(crate) fn mark(&self, scope: Scope) {
        let shared = self.context.cache.shared();
        let key = shared.mark_of(&self.fetch.key);
        shared.marks.mark(key, scope, shared.clock.now());
    }

    /// Responses for this key were not for others.
    pub(crate) fn goes_alone(&self) -> bool {
        let shared = self.context.cache.shared();
        let now = shared.clock.now();
        match shared.marks.get(shared.mark_of(&self.fetch.key), now) {
            None => false,
            Some(scope) => self.is_in(scope),
        }
    }

    /// Whether this request is one of those that a response was not for.
    pub(crate) fn is_in(&self, scope: Scope) -> bool {
        scope == Scope::Everybody || self.has_credentials()
    }
}
