//! By what a stored response can be purged: what its request says, and what it says itself.

use http::{Extensions, HeaderMap, Request};
use larder_policy::StoredHead;

use crate::context::Context;
use crate::job::Job;
use crate::names::{Names, Source};
use crate::naming::Hashes;

impl Context {
    /// What a request tells of the names of its response.
    pub(crate) fn names_of<B>(&self, target: &Hashes, request: &Request<B>) -> Names {
        if self.tagging.is_empty() {
            return Names::of_request(target);
        }
        let naming = &self.cache.shared().naming;
        let mut hashes = target.clone();
        let tags = self.tagging.of(&self.view(request));
        hashes.extend(tags.iter().map(|tag| naming.tag(tag)));
        Names::of_request(&hashes)
    }
}

impl Job {
    /// The names of a response that is to be stored under `head`. What it says nothing of stays as it
    /// was `before`: for one that confirms a stored response, as that had it.
    pub(crate) fn names_with(
        &self,
        before: &Names,
        _headers: &HeaderMap,
        _extensions: &Extensions,
        head: &StoredHead,
    ) -> Names {
        let names = before.with(Source::Request, self.names.of(Source::Request));
        names.with(Source::Groups, &self.groups(head))
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
