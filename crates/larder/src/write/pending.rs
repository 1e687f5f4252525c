//! [`PendingWrite`]: a write that the inner service works on.

use std::sync::Arc;
use std::thread;

use http::{Extensions, HeaderMap, Method, Request, StatusCode, Uri};
use larder_policy::{Policy, RequestHead};

use crate::cache::Cache;
use crate::fleet::{Purged, Ticket};
use crate::purge::{Receipt, recorded};
use crate::stamps::{Manner, Named};
use crate::trace;
use crate::view::RequestView;

/// What is kept of a write until it is known what came of it. Of one that is dropped before, nobody
/// knows: it may have changed its target, or been about to be refused. So what is stored for the
/// target becomes stale, as by a soft purge: the next reader has it validated. Nothing is lost by that
/// which a client could be out for by hanging up.
pub(super) struct PendingWrite {
    cache: Cache,
    policy: Arc<Policy>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    route: Option<Box<str>>,
    is_open: bool,
    /// What it purged, on its way to other nodes.
    told: Vec<Ticket>,
}

impl PendingWrite {
    /// `None`: the method is safe, as far as the cache knows.
    pub(super) fn of<B>(
        cache: &Cache,
        policy: &Arc<Policy>,
        request: &Request<B>,
        uri: &Uri,
        route: Option<&str>,
    ) -> Option<Self> {
        let (method, headers) = (request.method(), request.headers());
        if !policy.is_write(&RequestHead::new(method, uri, headers, false)) {
            return None;
        }
        Some(Self {
            cache: cache.clone(),
            policy: Arc::clone(policy),
            method: method.clone(),
            uri: uri.clone(),
            headers: headers.clone(),
            route: route.map(Into::into),
            is_open: true,
            told: Vec::new(),
        })
    }

    /// The response is there, and not yet released: whoever sees it sees its effect. Drops what its
    /// success says (RFC 9111 section 4.4).
    pub(super) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.is_open = false;
        let named = self.named(status, headers);
        if !named.is_empty() {
            trace::invalidated(&self.cache, named.len());
            let (_, ticket) = self.cache.drop_purged(Purged::Named(named), Manner::Hard);
            self.told.extend(ticket);
        }
    }

    /// It purged something beyond that.
    pub(super) fn purged(&mut self, receipt: Receipt) {
        self.told.extend(receipt.into_ticket());
    }

    /// Waits until other nodes can know of what it purged: whoever sees the response, and asks any node
    /// after the [bound](crate::SharedSettings::bound), sees its effect. Not longer than a write to the
    /// store may take.
    pub(super) async fn recorded(&mut self) {
        // Of the same manner the last tells of all.
        while let Some(ticket) = self.told.pop() {
            self.told.retain(|other| other.lane != ticket.lane);
            let within = ticket.fleet.settings.write_within;
            if recorded(&ticket, within).await.is_err() {
                tracing::debug!(target: "larder", "a write is answered before other nodes can know of it");
            }
        }
    }

    /// There is no response, and that was said.
    pub(super) fn failed(&mut self) {
        self.is_open = false;
    }

    /// The request, with the extensions that were kept of it.
    pub(super) fn view<'a>(&'a self, extensions: &'a Extensions) -> RequestView<'a> {
        RequestView {
            method: &self.method,
            uri: &self.uri,
            headers: &self.headers,
            extensions,
            route: self.route.as_deref(),
        }
    }

    fn named(&self, status: StatusCode, headers: &HeaderMap) -> Vec<Named> {
        let head = RequestHead::new(&self.method, &self.uri, &self.headers, false);
        let (route, mut named) = (self.route.as_deref(), Vec::new());
        for target in self.policy.write_targets(&head) {
            let what = self.policy.invalidation(&head, &target, status, headers);
            let Some(what) = what else { continue };
            for target in what.targets() {
                self.cache.urls_into(&target, route, &mut named);
            }
            let naming = &self.cache.shared().naming;
            let groups = what.groups().iter();
            named.extend(groups.map(|group| Named::One(naming.group(&target, group))));
        }
        named
    }
}

impl Drop for PendingWrite {
    fn drop(&mut self) {
        // A handler that panicked has failed.
        if !self.is_open || thread::panicking() {
            return;
        }
        let named = self.named(StatusCode::NO_CONTENT, &HeaderMap::new());
        if !named.is_empty() {
            trace::abandoned(&self.cache, named.len());
            let now = self.cache.shared().clock.now();
            self.cache
                .drop_purged(Purged::Named(named), Manner::soft(now));
        }
    }
}
