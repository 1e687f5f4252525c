//! [`RoutePolicy`]: what an annotation says about a route.

mod apply;
mod whose;

use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderMap, StatusCode};
use larder_policy::fields::{CacheControl, TagFields};
use larder_policy::key::Key;

use self::whose::Whose;
use crate::early::EarlyRefresh;
use crate::forced::{Forced, ForcedRefresh};
use crate::tagging::Tagging;
use crate::tripwire::{IdentityStrings, Tripwire};
use crate::verify::Verify;
use crate::view::RequestView;

/// What is to be cached on a route, and what its clients are told. The origin decides, the
/// annotation refines, and the most restrictive wins: a handler's `no-store` or `private` beats any
/// annotation unless the route says [`override_origin`](Self::override_origin).
///
/// ```
/// use std::time::Duration;
/// use larder::{CacheControl, RoutePolicy};
///
/// let secs = Duration::from_secs;
/// let policy = RoutePolicy::shared(secs(60))
///     .stale_while_revalidate(secs(30))
///     .stale_if_error(secs(3600))
///     .downstream(CacheControl::public().max_age(secs(5)));
/// # drop(policy);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "an annotation does nothing until it is put on a route"]
pub struct RoutePolicy {
    lifetime: Option<Duration>,
    stale_while_revalidate: Option<Duration>,
    stale_if_error: Option<Duration>,
    errors: Option<(Vec<StatusCode>, Duration)>,
    downstream: Option<CacheControl>,
    override_origin: bool,
    grace: Option<Duration>,
    keep: Option<Duration>,
    early_refresh: Option<EarlyRefresh>,
    forced: Option<Forced>,
    jitter_percent: Option<u8>,
    cardinality_budget: Option<u64>,
    soft_timeout: Option<Duration>,
    hard_timeout: Option<Duration>,
    key: Option<Key>,
    name: Option<Arc<str>>,
    query_method: bool,
    tagging: Tagging,
    tag_fields: Option<TagFields>,
    tripwire: Option<Tripwire>,
    verify: Option<Verify>,
    whose: Whose,
}

impl RoutePolicy {
    /// One stored response for all users, fresh for `lifetime` where the handler does not say, and
    /// never longer than that. The handler sees declared inputs only: the path and the query, unless
    /// [`key`](Self::key) says otherwise.
    pub fn shared(lifetime: Duration) -> Self {
        Self {
            lifetime: Some(lifetime),
            key: Some(Key::new()),
            ..Self::default()
        }
    }

    /// Obeys the handler's own `Cache-Control` and `Vary`; the other settings still refine it.
    /// Requests are not narrowed unless a [`key`](Self::key) is declared.
    pub fn obey() -> Self {
        Self::default()
    }

    /// How long responses are fresh where the handler does not say, and never longer than that.
    /// Default: what the handler says.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self {
            lifetime: Some(lifetime),
            ..self
        }
    }

    /// The inputs that the responses depend on; the handler sees no others. See [`Key`].
    pub fn key(self, key: Key) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// Answers QUERY requests (RFC 10008) too. Their content has to be read first:
    /// [`QueryContentLayer`](crate::QueryContentLayer).
    pub fn query_method(self) -> Self {
        Self {
            query_method: true,
            ..self
        }
    }

    /// Adds inputs to those that are declared; see [`Key::and`].
    pub fn and_key(self, key: Key) -> Self {
        let key = match self.key {
            Some(declared) => declared.and(key),
            None => key,
        };
        Self {
            key: Some(key),
            ..self
        }
    }

    /// What the route is called in reports. Default: what its router calls it. With [`Key::route`] it
    /// stands for the path where the router has no name for the route.
    pub fn name(self, name: &str) -> Self {
        Self {
            name: Some(name.into()),
            ..self
        }
    }

    /// How long after expiry the stored response may be served while it is validated (RFC 5861
    /// section 3), where the handler does not say. Kept with the response.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        Self {
            stale_while_revalidate: Some(window),
            ..self
        }
    }

    /// How long after expiry the stored response may be served when the handler fails (RFC 5861
    /// section 4), where the handler does not say.
    pub fn stale_if_error(self, window: Duration) -> Self {
        Self {
            stale_if_error: Some(window),
            ..self
        }
    }

    /// Also stores these error statuses, each for at most `lifetime`. Default: none beyond those
    /// that carry their own freshness and whose meaning does not depend on the request.
    pub fn cache_errors(
        self,
        statuses: impl IntoIterator<Item = StatusCode>,
        lifetime: Duration,
    ) -> Self {
        Self {
            errors: Some((statuses.into_iter().collect(), lifetime)),
            ..self
        }
    }

    /// What clients are told, whatever is stored. Default: the handler's own `Cache-Control`.
    pub fn downstream(self, field: impl Into<CacheControl>) -> Self {
        Self {
            downstream: Some(field.into()),
            ..self
        }
    }

    /// How long after expiry the stored response may be served while it is validated, or when the
    /// handler fails, whatever the handler says of stale windows; never where it forbids stale use.
    pub fn grace(self, window: Duration) -> Self {
        Self {
            grace: Some(window),
            ..self
        }
    }

    /// How long after all its stale windows a stored response is kept for validation. Default:
    /// until its memory is needed.
    pub fn keep(self, window: Duration) -> Self {
        Self {
            keep: Some(window),
            ..self
        }
    }

    /// Validates the stored response before it expires; see [`EarlyRefresh`].
    pub fn early_refresh(self, early: EarlyRefresh) -> Self {
        Self {
            early_refresh: Some(early),
            ..self
        }
    }

    /// Decides whose `no-cache` makes the cache validate what it has; see
    /// [`CacheLayer::with_forced_refresh`](crate::CacheLayer::with_forced_refresh).
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{ForcedRefresh, RoutePolicy};
    ///
    /// #[derive(Clone)]
    /// struct Editor;
    ///
    /// let policy = RoutePolicy::shared(Duration::from_secs(60)).forced_refresh(|request| {
    ///     match request.extensions().get::<Editor>() {
    ///         Some(Editor) => ForcedRefresh::Honour,
    ///         None => ForcedRefresh::Refuse,
    ///     }
    /// });
    /// # drop(policy);
    /// ```
    pub fn forced_refresh(
        self,
        decide: impl Fn(&RequestView<'_>) -> ForcedRefresh + Send + Sync + 'static,
    ) -> Self {
        Self {
            forced: Some(Forced::new(decide)),
            ..self
        }
    }

    /// Checks a share of the hits against the handler, in the background; see [`Verify`].
    pub fn verify(self, verify: Verify) -> Self {
        Self {
            verify: Some(verify),
            ..self
        }
    }

    /// Shortens each lifetime at random by up to so many percent of it; see
    /// [`CacheLayer::with_jitter_percent`](crate::CacheLayer::with_jitter_percent).
    pub fn jitter_percent(self, percent: u8) -> Self {
        Self {
            jitter_percent: Some(percent),
            ..self
        }
    }

    /// How many distinct values each input of this route's keys may have among the responses stored
    /// anew within 10 minutes; see
    /// [`CacheLayer::with_cardinality_budget`](crate::CacheLayer::with_cardinality_budget).
    /// A hundred times as many for paths and partitions. [`u64::MAX`] turns it off. Default: 10,000.
    pub fn cardinality_budget(self, distinct: u64) -> Self {
        Self {
            cardinality_budget: Some(distinct),
            ..self
        }
    }

    /// Serves a stale stored response when the handler has not answered after so long; see
    /// [`CacheLayer::with_soft_timeout`](crate::CacheLayer::with_soft_timeout).
    pub fn soft_timeout(self, timeout: Duration) -> Self {
        Self {
            soft_timeout: Some(timeout),
            ..self
        }
    }

    /// Gives the handler so long to answer; see
    /// [`CacheLayer::with_hard_timeout`](crate::CacheLayer::with_hard_timeout).
    pub fn hard_timeout(self, timeout: Duration) -> Self {
        Self {
            hard_timeout: Some(timeout),
            ..self
        }
    }

    /// Lets this annotation replace what the handler's `Cache-Control` says, `no-store` and
    /// `private` included. Responses that set cookies, and responses to requests with credentials,
    /// still need the handler's word.
    pub fn override_origin(self) -> Self {
        Self {
            override_origin: true,
            ..self
        }
    }

    /// Gives the responses of this route a tag, by which they can be purged
    /// ([`Purge::tag`](crate::Purge::tag)). May be said several times. For how many there may be, see
    /// [`CacheHint::tag`](crate::CacheHint::tag); those that `tag_with` finds count too.
    ///
    /// A layer of another cache that is around this route does not learn of them: it is told of tags in
    /// [fields](crate::TagFields) only, and of its own. One of the same cache leaves what this route
    /// answers to its own layer, unless a service in between works in another task.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tagging.add(tag);
        self
    }

    /// Gives each response the tags that a function finds in its request, as the handler sees that:
    /// with declared inputs only. Called when a request is forwarded, or waits for what another node
    /// fetches; never for hits. May be said several times.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::RoutePolicy;
    ///
    /// let policy = RoutePolicy::shared(Duration::from_secs(60))
    ///     .tag("products")
    ///     .tag_with(|request| request.param("id").map(|id| format!("product:{id}")));
    /// # drop(policy);
    /// ```
    pub fn tag_with<I>(
        mut self,
        find: impl Fn(&RequestView<'_>) -> I + Send + Sync + 'static,
    ) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.tagging.add_with(find);
        self
    }

    /// Which fields of the handler's responses hold tags, and whether clients see these. Default:
    /// those of the layer ([`CacheLayer::with_tag_fields`](crate::CacheLayer::with_tag_fields)).
    pub fn tag_fields(self, fields: TagFields) -> Self {
        Self {
            tag_fields: Some(fields),
            ..self
        }
    }

    /// Searches what is about to be shared for what gives its caller away. `identify` tells that from
    /// the extensions and the header fields of the client's request, those that the handler does not
    /// see included; it is called for requests that are forwarded or wait for one that is, never for
    /// hits. Default: nothing is searched.
    ///
    /// A response with one of the [`IdentityStrings`] in a field's value or in its body is relayed to
    /// its client, and not stored (`detail=tripwire` in `Cache-Status`, and a [`Finding`](crate::Finding)
    /// with the route and the place, never the string). Requests that wait for it get nothing of it:
    /// they have it once all of it was searched and stored, else they go forward by themselves. Not
    /// stored either is what cannot be searched, a body with a `Content-Encoding`
    /// (`detail=coded-body`), and a response with `Set-Cookie`, whatever the policy says of it.
    ///
    /// Nothing is searched where every user has a copy of their own
    /// ([`per_user`](Self::per_user)): it may name them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{IdentityStrings, RoutePolicy};
    ///
    /// #[derive(Clone)]
    /// struct User { id: u64, email: String }
    ///
    /// let policy = RoutePolicy::shared(Duration::from_secs(60)).tripwire(|extensions, _headers| {
    ///     match extensions.get::<User>() {
    ///         Some(user) => IdentityStrings::new().add(user.id.to_string()).add(&user.email),
    ///         None => IdentityStrings::new(),
    ///     }
    /// });
    /// # drop(policy);
    /// ```
    pub fn tripwire(
        self,
        identify: impl Fn(&Extensions, &HeaderMap) -> IdentityStrings + Send + Sync + 'static,
    ) -> Self {
        Self {
            tripwire: Some(Tripwire::new(identify)),
            ..self
        }
    }
}
