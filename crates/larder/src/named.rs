//! By what a stored response can be purged: what its request says, and what it says itself.

use http::Extensions;
use larder_policy::fields::MAX_TAGS;
use larder_policy::{SkipReason, StoredHead};

use crate::context::Context;
use crate::hint::CacheHint;
use crate::job::Job;
use crate::names::{Names, Source};
use crate::naming::{Hashes, MAX_OF_TARGET};
use crate::place::Place;
use crate::view::RequestView;

/// What a request tells of the names of its response.
#[derive(Clone)]
pub(crate) struct OfRequest {
    pub(crate) names: Names,
    /// Why nothing can be stored under them.
    unnameable: Option<SkipReason>,
}

impl Context {
    fn names_of(&self, place: &Place, request: &RequestView<'_>) -> OfRequest {
        let naming = &self.cache.shared().naming;
        let mut hashes = naming.of_request(place);
        let tags = if self.tagging.is_empty() {
            Ok(Hashes::new())
        } else {
            self.tagging.of(naming, request)
        };
        let unnameable = match tags {
            Ok(tags) => {
                hashes.extend(tags);
                None
            }
            Err(reason) => Some(reason),
        };
        OfRequest {
            names: Names::of_request(&hashes),
            unnameable,
        }
    }
}

impl Job {
    /// What the request tells, with its extensions as they were when it was narrowed: to be asked when a fill
    /// begins. Most that another node answers need no names.
    pub(crate) fn names_of_request(&self, extensions: &Extensions) -> OfRequest {
        let request = self.sent.view(&self.context, extensions);
        self.context.names_of(&self.fetch.place, &request)
    }

    /// The same, from now on known to those who may wait for what comes of it.
    pub(crate) fn know_names(&self, extensions: &Extensions) -> OfRequest {
        let named = self.names_of_request(extensions);
        if let Some(leader) = &self.leader {
            leader.flight().mark().know(self.names_before(&named));
        }
        named
    }

    /// The names of a response that is to be stored under `head`. What it says nothing of stays as it
    /// was `before`: for one that confirms a stored response, as that had it. `Err` says why it is not
    /// to be stored: a name that is left out is a purge that is lost.
    pub(crate) fn names_with(
        &self,
        request: &OfRequest,
        before: &Names,
        extensions: &Extensions,
        head: &StoredHead,
    ) -> Result<Names, SkipReason> {
        if let Some(reason) = request.unnameable {
            return Err(reason);
        }
        let naming = &self.context.cache.shared().naming;
        // What was made for another request goes by the tags of both.
        let names = before.joined(Source::Request, &request.names);
        if names.of(Source::Request).len() > MAX_OF_REQUEST {
            return Err(SkipReason::TooManyTags);
        }
        let names = match CacheHint::of(extensions) {
            Some(hint) => {
                let tags = hint.named().iter().map(String::as_str);
                names.with(Source::Hint, &naming.tags(tags)?)
            }
            None => names,
        };
        let tags = head.tags(self.context.policy.tag_fields())?;
        let tags: Hashes = tags.into_iter().map(|tag| naming.tag(tag)).collect();
        let names = names.with(Source::Fields, &tags);
        Ok(names.with(Source::Groups, &self.groups(head)))
    }

    /// What the response to come may be named by, as far as that is known: a stored one that it is to
    /// confirm has names of its own.
    pub(crate) fn names_before(&self, request: &OfRequest) -> Names {
        match &self.fetch.stored {
            Some((_, entry)) => entry.names().joined(Source::Request, &request.names),
            None => request.names.clone(),
        }
    }

    /// The cache groups (RFC 9875), which mean nothing beyond their origin.
    fn groups(&self, head: &StoredHead) -> Hashes {
        if head.groups().is_empty() {
            return Hashes::new();
        }
        let naming = &self.context.cache.shared().naming;
        let request = self.sent.head();
        let Ok(target) = self.context.policy.target(&request) else {
            return Hashes::new();
        };
        let groups = head.groups().iter();
        groups.map(|group| naming.group(&target, group)).collect()
    }
}

/// So many hashes are of the request at most.
const MAX_OF_REQUEST: usize = MAX_OF_TARGET + MAX_TAGS;
