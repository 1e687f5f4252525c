//! [`CacheLayer`]: puts a cache in front of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Uri};
use larder_policy::Policy;
use larder_policy::fields::TagFields;
use larder_policy::key::{Key, Partition};
use tower_layer::Layer;

use crate::budgets::{Budgets, DEFAULT_BUDGET};
use crate::cache::Cache;
use crate::context::Context;
use crate::early::EarlyRefresh;
use crate::filling::Filling;
use crate::forced::{Forced, ForcedRefresh};
use crate::framework::Framework;
use crate::identity::Identify;
use crate::route_policy::RoutePolicy;
use crate::service::CacheService;
use crate::verifier::Verifier;
use crate::verify::Verify;
use crate::view::RequestView;

/// Answers requests from a [`Cache`] in front of any `Service<Request<B>, Response = Response<C>>`.
///
/// By default it obeys the inner service's own `Cache-Control` as a careful shared cache does
/// ([`Policy::shared`]).
///
/// # Inside nested routers
///
/// The key is made of the request's URI. A router that strips a prefix before it calls the layer
/// hides part of it, so tell the layer where the whole URI is: [`with_target`](Self::with_target),
/// or `larder_axum::layer`, which does so for axum.
///
/// # Handlers that ask through the same cache
///
/// What a handler asks of a layer of the same cache while it works is taken for what a layer within this
/// one is asked: that is stored, with its own key, tags and partition, and the handler's own answer is not
/// (nor do other requests or nodes wait for it). Asked in a task of its own (`tokio::spawn`) it is not taken
/// for that, and the handler's answer is stored as any other.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct CacheLayer {
    pub(crate) context: Context,
}

impl CacheLayer {
    /// A layer that obeys RFC 9111 with the defaults of [`Policy::shared`].
    pub fn new(cache: Cache) -> Self {
        let policy = Arc::new(Policy::shared());
        Self {
            context: Context {
                budgets: Budgets::new(DEFAULT_BUDGET),
                cache,
                filling: Filling::default(),
                forced: None,
                framework: Framework::default(),
                identify: None,
                invalid_key: false,
                key: None,
                label: None,
                policy,
                tagging: Arc::default(),
                tripwire: None,
                verifier: None,
            },
        }
    }

    /// Replaces the rules.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.context.policy = Arc::new(policy);
        self
    }

    /// Applies a route's annotation to the present rules.
    pub fn with_route_policy(mut self, route: RoutePolicy) -> Self {
        route.refine(&mut self.context);
        let policy = route.apply(Policy::clone(&self.context.policy));
        self.with_policy(policy)
    }

    /// Gives every identity a copy of its own. `identify` reads what the application's own
    /// authentication put among the request's extensions, never a raw header field; requests for
    /// which it finds nobody bypass the cache. Clients are told that responses are `private`. Goes with
    /// [`Policy::private`].
    ///
    /// ```
    /// use larder::policy::key::Partition;
    /// use larder::{Cache, CacheLayer, Policy};
    ///
    /// #[derive(Clone)]
    /// struct UserId(u64);
    ///
    /// let layer = CacheLayer::new(Cache::builder().build())
    ///     .with_policy(Policy::private())
    ///     .with_partition(|extensions| {
    ///         let UserId(id) = extensions.get()?;
    ///         Partition::of("user", &id.to_be_bytes()).ok()
    ///     });
    /// # drop(layer);
    /// ```
    pub fn with_partition(
        mut self,
        identify: impl Fn(&Extensions) -> Option<Partition> + Send + Sync + 'static,
    ) -> Self {
        self.context.identify = Some(Identify::with(identify));
        self
    }

    /// How many distinct values each input of a route's keys (the path, the query, a field that `Vary`
    /// names, …) may have among the responses stored anew within 10 minutes, by a close estimate.
    /// Beyond it the input is named in a [`Finding`](crate::Finding), and until that is over by 10
    /// minutes the route stores a response only when its key is asked for again, so that keys which
    /// nobody asks for twice push nothing out. Paths and partitions may have a hundred times as
    /// many. [`u64::MAX`] turns it off. Default: 10,000.
    ///
    /// Routes count by themselves where their names are [known](Self::with_route_name), else all that
    /// is behind this layer and its clones counts together. Each [route
    /// policy](Self::with_route_policy) begins counts of its own.
    pub fn with_cardinality_budget(mut self, distinct: u64) -> Self {
        self.context.budgets = Budgets::new(distinct);
        self
    }

    /// Lets requests for the same key wait for one of them, instead of all being forwarded
    /// (RFC 9111 section 4). Default: yes.
    pub fn with_collapsing(mut self, collapse: bool) -> Self {
        self.context.filling.collapse = collapse;
        self
    }

    /// Finishes what was begun although its client has left, in the background. Default: yes.
    ///
    /// - What may be stored is fetched to its end, which needs [collapsing](Self::with_collapsing).
    ///   Without it that happens only when others wait.
    /// - A write that has come to the inner service runs to its end, so that what it changes is
    ///   invalidated. Of one that is dropped instead nobody knows what came of it: it may have been
    ///   done, or been about to be refused. Then what is stored for its URL becomes stale, as by a
    ///   [soft purge](crate::Purge::soft): it is validated before its next use, where no stale window
    ///   lets it be served meanwhile. It is not dropped, so that nobody can empty a cache by hanging up.
    ///
    /// Bounded by [`CacheBuilder::max_background`](crate::CacheBuilder::max_background) and
    /// [`CacheBuilder::finish_within`](crate::CacheBuilder::finish_within).
    pub fn with_finish_on_disconnect(mut self, finish: bool) -> Self {
        self.context.filling.finish_on_disconnect = finish;
        self
    }

    /// Which fields of responses hold tags, by which they can be purged, and whether clients see these.
    /// Default: `Cache-Tag`, `Surrogate-Key` and `xkey`, relayed; see [`TagFields`]. Part of the rules:
    /// [`with_policy`](Self::with_policy) replaces it.
    pub fn with_tag_fields(self, fields: TagFields) -> Self {
        let policy = Policy::clone(&self.context.policy).with_tag_fields(fields);
        self.with_policy(policy)
    }

    /// Serves a stale stored response when the inner service has not answered so long after the
    /// request came, where one may stand in (`stale-if-error`, or [grace](Policy::with_grace)); the
    /// fill goes on in the background. Default: none.
    pub fn with_soft_timeout(mut self, timeout: Duration) -> Self {
        self.context.filling.soft_timeout = Some(timeout);
        self
    }

    /// Gives the inner service so long to answer with a response head, the wait for its readiness
    /// included. Then its call is dropped, and a stale stored response stands in if it may; else the
    /// answer is 504, also for those who waited. Default: none. Applies to requests the cache takes
    /// part in.
    pub fn with_hard_timeout(mut self, timeout: Duration) -> Self {
        self.context.filling.hard_timeout = Some(timeout);
        self
    }

    /// Validates stored responses before they expire. Default: [`EarlyRefresh::off`].
    pub fn with_early_refresh(mut self, early: EarlyRefresh) -> Self {
        self.context.filling.early_refresh = early;
        self
    }

    /// Checks a share of the hits against the inner service, in the background. Default: none; see
    /// [`Verify`].
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.context.verifier = Some(Arc::new(Verifier::new(verify)));
        self
    }

    /// Decides whose `Cache-Control: no-cache` makes the cache validate what it has (RFC 9111
    /// section 5.2.1.4), with `Pragma: no-cache` in a request without `Cache-Control` counting as such
    /// (section 5.4). `decide` is called for those requests only, if they would be looked up, and sees
    /// the client's request with all that a route withholds from its handler; so it can go by what the
    /// application's own authentication put into the extensions. Default: as the policy says, that is
    /// [`Policy::shared`] ignores it and [`Policy::conformance`] honours it, whoever asks.
    ///
    /// A request that is honoured goes forward by itself; what comes back is stored for all, and those
    /// who come meanwhile are answered from what was stored before. With `only-if-cached` it gets 504:
    /// nothing stored can answer it. `max-age=0`, which browsers send for an ordinary reload, is not
    /// asked about: it stays what the policy makes of it.
    ///
    /// ```
    /// use larder::{Cache, CacheLayer, ForcedRefresh};
    ///
    /// #[derive(Clone)]
    /// struct Editor;
    ///
    /// let layer = CacheLayer::new(Cache::builder().build()).with_forced_refresh(|request| {
    ///     match request.extensions().get::<Editor>() {
    ///         Some(Editor) => ForcedRefresh::Honour,
    ///         None => ForcedRefresh::Ignore,
    ///     }
    /// });
    /// # drop(layer);
    /// ```
    pub fn with_forced_refresh(
        mut self,
        decide: impl Fn(&RequestView<'_>) -> ForcedRefresh + Send + Sync + 'static,
    ) -> Self {
        self.context.forced = Some(Forced::new(decide));
        self
    }

    /// Shortens each lifetime at random by up to so many percent of it, so that what was stored
    /// together does not expire together. More than 100 is taken for 100. Default: 0.
    pub fn with_jitter_percent(mut self, percent: u8) -> Self {
        self.context.filling.set_jitter(percent);
        self
    }

    /// Tells where the URI stands that the client asked for, when the request's own has been
    /// shortened by a router. `None` means the request's own.
    pub fn with_target(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.context.framework.target = find;
        self
    }

    /// Tells how to put another URI where [`with_target`](Self::with_target) finds it, so that the
    /// inner service does not see parameters there that its route does not declare.
    pub fn with_target_rewritten(mut self, set: fn(&mut Extensions, Uri)) -> Self {
        self.context.framework.set_target = set;
        self
    }

    /// Tells where the name of the route stands, such as `/products/{id}`. For reports, and for
    /// [`Key::route`].
    pub fn with_route_name(mut self, find: fn(&Extensions) -> Option<&str>) -> Self {
        self.context.framework.route = find;
        self
    }

    /// Tells how many of a request's extensions are the web framework's own, which no response
    /// depends on beyond what its key has. See [`CacheBuilder::neutral_extension`].
    ///
    /// [`CacheBuilder::neutral_extension`]: crate::CacheBuilder::neutral_extension
    pub fn with_framework_extensions(mut self, count: fn(&mut Extensions) -> usize) -> Self {
        self.context.framework.own = count;
        self
    }

    /// Declares the inputs that the responses depend on, and narrows requests to them; see [`Key`].
    /// Default: none; responses are told apart by `Vary` only (RFC 9111 section 4.1).
    pub fn with_key(mut self, key: Key) -> Self {
        self.context.set_key(Some(key));
        self
    }

    /// What a service of this layer knows.
    pub(crate) fn served(&self) -> Context {
        let mut context = self.context.clone();
        if context.identify.is_some() {
            let policy = Policy::clone(&context.policy).with_private_emission(true);
            context.policy = Arc::new(policy);
        }
        context
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(inner, self.served())
    }
}

impl fmt::Debug for CacheLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("policy", &self.context.policy)
            .finish_non_exhaustive()
    }
}
