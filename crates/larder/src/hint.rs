//! [`CacheHint`]: what a handler says of one response, beside what its route says of all.

use std::time::Duration;

use http::Extensions;
use larder_policy::Refinement;

use crate::opt_out::DoNotStore;

/// Response extension: a handler refines what its route says.
///
/// ```
/// use std::time::Duration;
/// use larder::CacheHint;
///
/// let mut response = http::Response::new("…");
/// CacheHint::new()
///     .tag("brand:7")
///     .max_age(Duration::from_secs(10))
///     .add_to(response.extensions_mut());
/// ```
///
/// Nothing of it is told to clients. It stays with the response, so that a cache around this one reads
/// it too. What an inner cache answers from its store has no extensions: where caches are around one
/// another, tags in [fields](crate::TagFields) reach all of them, and those of a hint the innermost
/// only for sure.
///
/// # When a response is validated
///
/// A 304 with a hint replaces what the hint of the stored response said, all of it; one without leaves
/// it as it was. A full response replaces it either way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a hint does nothing until a response has it"]
pub struct CacheHint {
    tags: Vec<String>,
    refinement: Refinement,
    do_not_store: bool,
}

impl CacheHint {
    /// A hint that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tag, by which the response can be purged ([`Purge::tag`](crate::Purge::tag)), beside those of
    /// its route and of its fields. A response with more than 256 different ones, one of more than
    /// 1,024 bytes, or more than 16 KiB of them is not stored (`detail=too-many-tags` in
    /// `Cache-Status`): one that was dropped would make a purge miss. An empty tag is none.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Several tags.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// How long the response is fresh in this store; clients are told what they would be told without.
    /// The most restrictive wins: the shorter of this, of what the route says and of what the
    /// response's own `Cache-Control` says. Alone it gives the lifetime, as
    /// [`RoutePolicy::lifetime`](crate::RoutePolicy::lifetime) does, and to the same status codes.
    /// Said again, the shorter counts.
    pub fn max_age(self, lifetime: Duration) -> Self {
        Self {
            refinement: self.refinement.lifetime(lifetime),
            ..self
        }
    }

    /// How long after expiry the response may be served while it is validated, in the place of what
    /// its route says ([`RoutePolicy::stale_while_revalidate`]), and where its own `Cache-Control`
    /// does not say. Said again, the shorter counts.
    ///
    /// [`RoutePolicy::stale_while_revalidate`]: crate::RoutePolicy::stale_while_revalidate
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        Self {
            refinement: self.refinement.stale_while_revalidate(window),
            ..self
        }
    }

    /// How long after expiry the response may be served when the handler fails, in the place of what
    /// its route says ([`RoutePolicy::stale_if_error`]), and where its own `Cache-Control` does not
    /// say. Said again, the shorter counts.
    ///
    /// [`RoutePolicy::stale_if_error`]: crate::RoutePolicy::stale_if_error
    pub fn stale_if_error(self, window: Duration) -> Self {
        Self {
            refinement: self.refinement.stale_if_error(window),
            ..self
        }
    }

    /// This response is not to be stored, as with [`DoNotStore`].
    pub fn do_not_store(self) -> Self {
        Self {
            do_not_store: true,
            ..self
        }
    }

    /// What both say: the tags of both, the shorter lifetime and the shorter windows, and nothing
    /// stored if one of them says so.
    pub fn and(mut self, other: Self) -> Self {
        self.tags.extend(other.tags);
        Self {
            tags: self.tags,
            refinement: self.refinement.and(other.refinement),
            do_not_store: self.do_not_store || other.do_not_store,
        }
    }

    /// Puts it into the extensions of a response, together with what a hint there [says](Self::and)
    /// already. Inserted without this it replaces that.
    pub fn add_to(self, extensions: &mut Extensions) {
        let hint = match extensions.remove::<Self>() {
            Some(before) => before.and(self),
            None => self,
        };
        extensions.insert(hint);
    }

    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    pub(crate) fn named(&self) -> &[String] {
        &self.tags
    }

    pub(crate) const fn refinement(&self) -> Refinement {
        self.refinement
    }
}

/// The handler, or its route, wants a response not to be stored.
pub(crate) fn is_opted_out(extensions: &Extensions) -> bool {
    extensions.get::<DoNotStore>().is_some()
        || CacheHint::of(extensions).is_some_and(|hint| hint.do_not_store)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn hints_that_are_added_say_what_each_of_them_says() {
        let mut extensions = Extensions::new();
        let first = CacheHint::new().tag("a").max_age(secs(10));
        first.stale_if_error(secs(5)).add_to(&mut extensions);
        assert!(!is_opted_out(&extensions));
        let second = CacheHint::new().tags(["b", "c"]).max_age(secs(20));
        second.do_not_store().add_to(&mut extensions);
        CacheHint::new().max_age(secs(15)).add_to(&mut extensions);
        let hint = CacheHint::of(&extensions).unwrap();
        assert_eq!(hint.named(), ["a", "b", "c"]);
        let shortest = Refinement::new().lifetime(secs(10)).stale_if_error(secs(5));
        assert_eq!(hint.refinement(), shortest);
        assert!(is_opted_out(&extensions));
    }
}
