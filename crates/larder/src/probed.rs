//! [`Probed`]: what a cache would have done.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use larder_policy::key::{Input, InputKind, Key, Selection};
use larder_policy::{BypassReason, SkipReason};

/// Response extension: what the cache says to a [`Probe`](crate::Probe). Where a request passes
/// several caches, it is that of the outermost, which knows those [inside](Self::inner).
#[derive(Clone)]
pub struct Probed(Arc<Told>);

/// What there is to tell.
pub(crate) struct Told {
    pub(crate) route: Box<str>,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) is_partitioned: bool,
    pub(crate) is_identified: bool,
    pub(crate) lookup: Result<Arc<[u8]>, NotLookedUp>,
    /// The fields of the request as it reached the cache.
    pub(crate) asked: HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// By what the response would have been told apart from its variants, had it been stored.
    pub(crate) admitted: Result<Selection, SkipReason>,
    pub(crate) inner: Option<Probed>,
}

/// Why a request has no key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NotLookedUp {
    Bypass(BypassReason),
    Method,
}

impl Probed {
    pub(crate) fn new(told: Told) -> Self {
        Self(Arc::new(told))
    }

    /// What the route is called: the name it was given, or has in its router, else the path.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.0.route
    }

    /// The declared inputs. `None` where the route declares none and obeys `Vary`.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.0.key.as_deref()
    }

    /// Whether an input is part of the key of every cache on the way. Without declared inputs the
    /// path and the query are. What this cannot know, such as fields that a response's `Vary` names,
    /// is known to [`would_answer`](Self::would_answer).
    #[must_use]
    pub fn has(&self, input: &Input) -> bool {
        let has = match (input.kind(), self.key()) {
            (InputKind::Partition, _) => self.is_partitioned(),
            (InputKind::Path | InputKind::Query, None) => true,
            (_, key) => key.is_some_and(|key| key.has(input)),
        };
        has && self.inner().is_none_or(|inner| inner.has(input))
    }

    /// Whether the inner service sees declared inputs only, when it is not probed.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.key().is_some_and(|key| !key.forwards_all())
    }

    /// Whether users or groups of users have copies of their own.
    #[must_use]
    pub fn is_partitioned(&self) -> bool {
        self.0.is_partitioned
    }

    /// Whether the request said whose copy it is about. False where there are no partitions.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        self.0.is_identified
    }

    /// Why the response would not have been stored: the token of a [`BypassReason`] or a
    /// [`SkipReason`], or `method`. `None` if it would, by this cache or one inside.
    #[must_use]
    pub fn not_stored(&self) -> Option<&'static str> {
        let reason = match (&self.0.lookup, &self.0.admitted) {
            (Err(NotLookedUp::Method), _) => "method",
            (Err(NotLookedUp::Bypass(reason)), _) => reason.as_str(),
            (_, Err(reason)) => reason.as_str(),
            (Ok(_), Ok(_)) => return None,
        };
        match self.inner() {
            Some(inner) => inner.not_stored(),
            None => Some(reason),
        }
    }

    /// Whether this response, stored, would have been the answer to that request while it was fresh:
    /// their keys are the same, and so are the fields that its `Vary` names.
    #[must_use]
    pub fn would_answer(&self, other: &Self) -> bool {
        let same_key = match (&self.0.lookup, &other.0.lookup) {
            (Ok(own), Ok(others)) => own == others,
            _ => false,
        };
        let selected = self.0.admitted.as_ref();
        let own = same_key && selected.is_ok_and(|selected| selected.matches(&other.0.asked));
        let inner = self.inner().zip(other.inner());
        own || inner.is_some_and(|(own, other)| own.would_answer(other))
    }

    /// Status of the response as it came from the inner service.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Fields of the response as they came from the inner service.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Content of the response as it came from the inner service. `None` if it is larger than what
    /// may be stored, or broke off.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// What a cache inside this one says.
    #[must_use]
    pub fn inner(&self) -> Option<&Self> {
        self.0.inner.as_ref()
    }
}

impl fmt::Debug for Probed {
    /// Leaves the request, the key and the content out: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probed")
            .field("route", &self.route())
            .field("status", &self.status())
            .field("not_stored", &self.not_stored())
            .finish_non_exhaustive()
    }
}
