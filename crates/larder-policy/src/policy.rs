//! [`Policy`]: the settings, and the three presets they start from.
//!
//! The questions are methods of the same type; each lives in the file named for it.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::fields::{CacheControl, CacheName};

/// Whose store this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// One store for all users (RFC 9111 section 1.1).
    Shared,
    /// A partition that belongs to one authenticated principal.
    Private,
}

/// What error statuses may be stored (RFC 9111 section 3, STATUS table of the crate docs).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum ErrorStatuses {
    /// Only those whose meaning does not depend on the request's other fields.
    #[default]
    Default,
    /// Every final status that carries explicit freshness.
    Explicit,
    /// The default, and these for at most so long.
    Listed(Vec<StatusCode>, Duration),
}

/// The rules of one cache: settings plus one method for each question.
///
/// Start from a preset and change what differs:
///
/// ```
/// use std::time::Duration;
/// use larder_policy::Policy;
///
/// let policy = Policy::shared().with_lifetime_cap(Duration::from_secs(3600));
/// assert_ne!(policy, Policy::conformance());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) mode: Mode,
    pub(crate) cache_status: bool,
    pub(crate) default_scheme: Option<&'static str>,
    pub(crate) downstream: Option<HeaderValue>,
    pub(crate) error_statuses: ErrorStatuses,
    pub(crate) explicit_window_beats_s_maxage: bool,
    pub(crate) generate_etag: bool,
    pub(crate) heuristics: bool,
    pub(crate) honour_request_directives: bool,
    pub(crate) lifetime_cap: Option<Duration>,
    pub(crate) max_uri_bytes: usize,
    pub(crate) max_vary_names: usize,
    pub(crate) name: CacheName,
    pub(crate) override_origin: bool,
    pub(crate) route_lifetime: Option<Duration>,
    pub(crate) safe_methods: Vec<Method>,
    pub(crate) share_cookie_requests: bool,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) stale_on_failure: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) store_set_cookie: bool,
    pub(crate) target_list: Vec<HeaderName>,
    pub(crate) trusted_forwarding: bool,
}

/// 10 % of the time since `Last-Modified`, but never longer than this.
pub(crate) const HEURISTIC_CAP: Duration = Duration::from_secs(24 * 3600);

const DEFAULT_MAX_URI_BYTES: usize = 8 * 1024;
const DEFAULT_MAX_VARY_NAMES: usize = 16;
const CONFORMANCE_STALE_ON_FAILURE: Duration = Duration::from_secs(24 * 3600);

impl Policy {
    /// The preset for a cache that all users share: obeys RFC 9111 and takes the careful choice
    /// wherever the RFC leaves one. No heuristics, no `Set-Cookie`, no error statuses, no sharing
    /// of responses to requests with `Cookie` unless the response says so, client `no-cache` and
    /// `max-age` ignored.
    #[must_use]
    pub fn shared() -> Self {
        Self {
            mode: Mode::Shared,
            cache_status: true,
            default_scheme: None,
            downstream: None,
            error_statuses: ErrorStatuses::Default,
            explicit_window_beats_s_maxage: false,
            generate_etag: true,
            heuristics: false,
            honour_request_directives: false,
            lifetime_cap: None,
            max_uri_bytes: DEFAULT_MAX_URI_BYTES,
            max_vary_names: DEFAULT_MAX_VARY_NAMES,
            name: CacheName::default(),
            override_origin: false,
            route_lifetime: None,
            safe_methods: Vec::new(),
            share_cookie_requests: false,
            stale_if_error: None,
            stale_on_failure: None,
            stale_while_revalidate: None,
            store_set_cookie: false,
            target_list: Vec::new(),
            trusted_forwarding: false,
        }
    }

    /// Everything RFC 9111 permits a proxy: heuristic freshness, error statuses with explicit
    /// freshness, the client's directives honoured, `CDN-Cache-Control` on the target list,
    /// `Set-Cookie` stored, requests with `Cookie` shared, stale responses (up to 24 hours past
    /// expiry) when the inner service fails. No `ETag` is made up.
    #[must_use]
    pub fn conformance() -> Self {
        Self {
            error_statuses: ErrorStatuses::Explicit,
            generate_etag: false,
            heuristics: true,
            honour_request_directives: true,
            share_cookie_requests: true,
            stale_on_failure: Some(CONFORMANCE_STALE_ON_FAILURE),
            store_set_cookie: true,
            target_list: vec![HeaderName::from_static("cdn-cache-control")],
            ..Self::shared()
        }
    }

    /// A partition of one authenticated principal: `private` responses are stored, `s-maxage` and
    /// `proxy-revalidate` do not apply, `Authorization` and `Cookie` are covered by the partition.
    #[must_use]
    pub fn private() -> Self {
        Self {
            mode: Mode::Private,
            ..Self::shared()
        }
    }

    /// Which preset's storing rules apply.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The identifier of this cache in `Cache-Status`. Default: `larder`.
    #[must_use]
    pub const fn name(&self) -> &CacheName {
        &self.name
    }

    /// Whether responses carry `Cache-Status` (RFC 9211). Default: yes.
    #[must_use]
    pub const fn writes_cache_status(&self) -> bool {
        self.cache_status
    }

    /// Whether a stored response without `ETag` is given one from its body. Default: yes, except in
    /// [`conformance`](Self::conformance).
    #[must_use]
    pub const fn generates_etag(&self) -> bool {
        self.generate_etag
    }

    /// Changes the identifier in `Cache-Status`.
    #[must_use]
    pub fn with_name(self, name: CacheName) -> Self {
        Self { name, ..self }
    }

    /// Switches the `Cache-Status` field on or off. RFC 9211 section 6 names the reason to
    /// switch it off: it tells an attacker what is stored.
    #[must_use]
    pub fn with_cache_status(self, cache_status: bool) -> Self {
        Self {
            cache_status,
            ..self
        }
    }

    /// The scheme of requests whose target URI has none (every HTTP/1.1 request to a server).
    /// Knowing it lets `Host: example.com` and `Host: example.com:443` be one key. Default: unknown.
    #[must_use]
    pub fn with_default_scheme(self, scheme: Scheme) -> Self {
        Self {
            default_scheme: Some(scheme.as_str()),
            ..self
        }
    }

    /// Tells clients this instead of the stored response's own `Cache-Control`. A response that says
    /// `no-store` or `private` keeps its own field.
    #[must_use]
    pub fn with_downstream(self, field: impl Into<CacheControl>) -> Self {
        Self {
            downstream: Some(field.into().header_value()),
            ..self
        }
    }

    /// Lets a `stale-while-revalidate` or `stale-if-error` in the response override the part of
    /// `s-maxage` that implies `proxy-revalidate` (RFC 9111 section 5.2.2.10). Default: no.
    #[must_use]
    pub fn with_explicit_windows_over_s_maxage(self, allow: bool) -> Self {
        Self {
            explicit_window_beats_s_maxage: allow,
            ..self
        }
    }

    /// Switches the generated `ETag` on or off.
    #[must_use]
    pub fn with_generated_etag(self, generate_etag: bool) -> Self {
        Self {
            generate_etag,
            ..self
        }
    }

    /// Heuristic freshness (RFC 9111 section 4.2.2): 10 % of the time since `Last-Modified`, at
    /// most 24 hours. Default: off.
    #[must_use]
    pub fn with_heuristics(self, heuristics: bool) -> Self {
        Self { heuristics, ..self }
    }

    /// Honours the client's `no-cache`, `max-age`, `min-fresh`, `max-stale` and `Pragma: no-cache`.
    /// Default: no, since any client could otherwise bypass the cache. `no-store`,
    /// `only-if-cached` and `no-transform` are always honoured.
    #[must_use]
    pub fn with_request_directives(self, honour: bool) -> Self {
        Self {
            honour_request_directives: honour,
            ..self
        }
    }

    /// No response stays fresh longer than this, whatever it says. Default: no cap.
    #[must_use]
    pub fn with_lifetime_cap(self, cap: Duration) -> Self {
        Self {
            lifetime_cap: Some(cap),
            ..self
        }
    }

    /// Longest path and query, in bytes, that take part. Default: 8192.
    #[must_use]
    pub fn with_max_uri_bytes(self, max_uri_bytes: usize) -> Self {
        Self {
            max_uri_bytes,
            ..self
        }
    }

    /// Most field names a stored response's `Vary` may list. Default: 16.
    #[must_use]
    pub fn with_max_vary_names(self, max_vary_names: usize) -> Self {
        Self {
            max_vary_names,
            ..self
        }
    }

    /// Further methods known to be safe (RFC 9110 section 9.2.1), such as `PROPFIND`: they
    /// invalidate nothing. Default: none beyond GET, HEAD, OPTIONS, TRACE and QUERY.
    #[must_use]
    pub fn with_safe_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        Self {
            safe_methods: methods.into_iter().collect(),
            ..self
        }
    }

    /// Shares responses to requests that carry `Cookie` even when the response does not say that it
    /// may be shared. Default: no.
    #[must_use]
    pub fn with_shared_cookie_requests(self, share: bool) -> Self {
        Self {
            share_cookie_requests: share,
            ..self
        }
    }

    /// Serves a stored response up to this long after it expired when the inner service fails
    /// (RFC 9111 section 4.2.4), without being asked to by `stale-if-error`. Responses that forbid
    /// stale use are not affected. Default: off.
    #[must_use]
    pub fn with_stale_on_failure(self, window: Option<Duration>) -> Self {
        Self {
            stale_on_failure: window,
            ..self
        }
    }

    /// Stores responses that carry `Set-Cookie`, cookie included. Default: no.
    #[must_use]
    pub fn with_stored_set_cookie(self, store: bool) -> Self {
        Self {
            store_set_cookie: store,
            ..self
        }
    }

    /// Targeted fields (RFC 9213) that take precedence over `Cache-Control`, first to last. Default:
    /// none.
    #[must_use]
    pub fn with_target_list(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self {
            target_list: names.into_iter().collect(),
            ..self
        }
    }

    /// Declares that `X-Forwarded-Host`, `Forwarded` and their kind are set by a proxy the
    /// application trusts, so they are not part of the key. Default: no.
    #[must_use]
    pub fn with_trusted_forwarding(self, trusted: bool) -> Self {
        Self {
            trusted_forwarding: trusted,
            ..self
        }
    }
}

/// What a route annotation adds: the origin decides, the annotation refines, the most restrictive
/// wins.
impl Policy {
    /// Freshness for successful responses of a route: used when the response gives none, and a
    /// ceiling when it does.
    #[must_use]
    pub fn with_route_lifetime(self, lifetime: Duration) -> Self {
        Self {
            route_lifetime: Some(lifetime),
            ..self
        }
    }

    /// Stale window while validating (RFC 5861 section 3) for responses that name none.
    #[must_use]
    pub fn with_stale_while_revalidate(self, window: Duration) -> Self {
        Self {
            stale_while_revalidate: Some(window),
            ..self
        }
    }

    /// Stale window on errors (RFC 5861 section 4) for responses that name none.
    #[must_use]
    pub fn with_stale_if_error(self, window: Duration) -> Self {
        Self {
            stale_if_error: Some(window),
            ..self
        }
    }

    /// Also stores these error statuses, fresh for at most `cap`.
    #[must_use]
    pub fn with_error_statuses(
        self,
        statuses: impl IntoIterator<Item = StatusCode>,
        cap: Duration,
    ) -> Self {
        let listed = statuses.into_iter().collect();
        Self {
            error_statuses: ErrorStatuses::Listed(listed, cap),
            ..self
        }
    }

    /// Lets the route's lifetime replace what the handler said, `no-store` and `private` included.
    /// Default: no. `Set-Cookie`, `Authorization` and `Cookie` rules still apply.
    #[must_use]
    pub fn with_origin_overridden(self, override_origin: bool) -> Self {
        Self {
            override_origin,
            ..self
        }
    }
}

/// The scheme a server knows its requests to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
