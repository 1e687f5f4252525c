//! What a validation does to the stored response: freshened, superseded, or served although stale.

use std::sync::Arc;

use http::header::{ETAG, LAST_MODIFIED, SET_COOKIE};
use http::{Response, StatusCode};
use larder_policy::SkipReason;
use larder_policy::key::MethodClass;

use crate::body::ResponseBody;
use crate::entry::{Birth, Entry};
use crate::hint::{CacheHint, is_opted_out};
use crate::job::Job;
use crate::keep::Arrived;
use crate::marks::Scope;
use crate::{reply, trace};

impl Job {
    /// Answers from a stored response that a 304 confirmed, and keeps it freshened.
    pub(crate) fn freshen<C>(
        &mut self,
        key: &Arc<[u8]>,
        entry: &Arc<Entry>,
        arrived: &Arrived<C>,
    ) -> Response<ResponseBody<C>> {
        let old = entry;
        let (entry, stored) = self.refreshed(key, old, arrived);
        if stored {
            let lease = self.lease.take();
            let windows = self.context.policy.use_after_expiry(&entry.head);
            self.context.cache.share(key, &entry, lease, windows);
        }
        let stamps = &self.context.cache.shared().stamps;
        if !entry.is_live(stamps) || !old.is_live(stamps) {
            // Those who follow look for something newer.
            self.leader = None;
        } else if stored && self.is_for_others(&entry.head) {
            self.landed(&entry);
        } else {
            self.lands_alone(Scope::Everybody, true);
        }
        let request = self.sent.head();
        let serving = entry.serving(arrived.times.response_time);
        if let Some(errand) = self.errand.as_ref().filter(|_| stored) {
            errand.kept(serving, arrived.times.response_time, true);
        }
        let status = self
            .status()
            .fwd_status(StatusCode::NOT_MODIFIED)
            .ttl(serving.ttl());
        self.forwarded(StatusCode::NOT_MODIFIED);
        let mut response = reply::from_entry(&self.context, &request, &entry, serving, &status);
        // The cookies of a 304 are for this client, whether or not they are stored.
        let cookies = arrived.response.headers().get_all(SET_COOKIE);
        if cookies.iter().next().is_some() {
            response.headers_mut().remove(SET_COOKIE);
        }
        for cookie in cookies {
            let _ = response
                .headers_mut()
                .try_append(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// Puts the freshened response in the place of the stored one, as far as it may be stored.
    /// Whether it was. A 304 confirms what is stored, whoever asked, and tells how long it may be used;
    /// the answer to a HEAD speaks for itself. What else they say of one client's own is not for those
    /// who share what is stored.
    fn refreshed<C>(
        &self,
        key: &[u8],
        entry: &Arc<Entry>,
        arrived: &Arrived<C>,
    ) -> (Arc<Entry>, bool) {
        let shared = self.context.cache.shared();
        let (named, extensions) = (&arrived.named, arrived.response.extensions());
        let hint = CacheHint::of(extensions);
        let refinement = hint.map_or_else(|| entry.head.refinement(), CacheHint::refinement);
        let policy = self.context.refined(refinement);
        let request = self.sent.head();
        let headers = arrived.response.headers();
        let of_client = policy.is_of_client(&request.on_behalf_of(self.credentials), headers);
        let own = of_client && arrived.response.status() != StatusCode::NOT_MODIFIED;
        // On a route that leaves it to HTTP, HTTP says that all fields of a 304 are everybody's
        // (RFC 9111 section 3.2).
        let declared = self.context.key.is_some();
        let impersonal = (of_client && declared).then(|| policy.impersonal(headers));
        let updates = impersonal.as_ref().filter(|_| !own).unwrap_or(headers);
        let freshened = policy.freshen(&entry.head, &request, updates, arrived.times);
        let (skip, forbids) = (freshened.skip(), freshened.forbids_stored());
        let mut head = *freshened.into_head();
        let skip = skip.or_else(|| {
            let caller = self.caller.as_ref()?;
            caller.watch_fields(&self.context.cache, &head).err()
        });
        if let Some(share) = self.context.filling.lost_share() {
            head.shorten(share);
        }
        let grown = self.is_too_large(&head.headers());
        let skip = skip.or_else(|| grown.then_some(SkipReason::HeadersTooLarge));
        let is_out = self.has_inner || is_opted_out(extensions);
        let out = is_out.then_some(SkipReason::OptedOut);
        let (names, unnameable) = match self.names_with(named, &entry.names(), extensions, &head) {
            Ok(names) => (names, None),
            Err(reason) => (self.names_before(named), Some(reason)),
        };
        let gone = grown || out.or(unnameable).is_some();
        let skip = skip.or(out).or(unnameable);
        let birth = Birth {
            names,
            ..arrived.birth.clone()
        };
        let fresh = entry.with_head(head, birth).packed(&shared.templates);
        let fresh = Arc::new(fresh);
        let live = fresh.is_live(&shared.stamps) && entry.is_live(&shared.stamps);
        let stored = skip.is_none() && !own && live;
        if forbids || gone {
            self.forget(key, entry);
        } else if stored {
            let new = Arc::clone(&fresh);
            shared.memory.replace(key, entry, new, &shared.stamps);
        }
        if let Some(reason) = skip {
            trace::skipped(&self.context.cache, reason);
        }
        (fresh, stored)
    }

    /// A full response came instead of a 304. What it says of a stored GET response, when the
    /// request was a HEAD, is in RFC 9111 section 4.3.5; of one that was purged meanwhile it says
    /// nothing.
    pub(crate) fn supersede<C>(&self, key: &Arc<[u8]>, entry: &Arc<Entry>, arrived: &Arrived<C>) {
        if self.has_inner {
            return;
        }
        let shared = self.context.cache.shared();
        let headers = arrived.response.headers();
        let crosses =
            self.fetch.class == MethodClass::Head && entry.head.class() == MethodClass::Get;
        if !crosses || !entry.is_live(&shared.stamps) {
            self.context.cache.forget(key, entry);
        } else if arrived.response.status() == entry.head.status()
            && self
                .context
                .policy
                .head_agrees(&entry.head, &self.sent.method, headers)
        {
            // Without a validator it says nothing of whether a purge was right to call it stale.
            let validates = [ETAG, LAST_MODIFIED]
                .iter()
                .any(|name| headers.contains_key(name));
            if validates || entry.stale_since().is_none() {
                let (entry, stored) = self.refreshed(key, entry, arrived);
                if stored {
                    let windows = self.context.policy.use_after_expiry(&entry.head);
                    self.context.cache.share(key, &entry, None, windows);
                }
            }
        } else {
            let marked = Arc::new(entry.remarked(entry.head.marked_invalid()));
            let new = Arc::clone(&marked);
            shared.memory.replace(key, entry, new, &shared.stamps);
            let windows = self.context.policy.use_after_expiry(&marked.head);
            self.context.cache.share(key, &marked, None, windows);
        }
    }
}
