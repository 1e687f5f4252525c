//! [`Policy`]: the settings, and the three presets they start from.
//!
//! The questions are methods of the same type; each lives in the file named for it.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::Refinement;
use crate::fields::{CacheName, TagFields};

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

/// Which of the optional invalidations are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Follow {
    pub(crate) locations: bool,
    pub(crate) groups: bool,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            locations: true,
            groups: true,
        }
    }
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
    pub(crate) follow: Follow,
    pub(crate) generate_etag: bool,
    pub(crate) grace: Option<Duration>,
    pub(crate) heuristics: bool,
    pub(crate) honour_request_directives: bool,
    pub(crate) keep: Option<Duration>,
    pub(crate) lifetime_cap: Option<Duration>,
    pub(crate) max_uri_bytes: usize,
    pub(crate) max_vary_bytes: usize,
    pub(crate) max_vary_names: usize,
    pub(crate) name: CacheName,
    pub(crate) override_origin: bool,
    pub(crate) private_emission: bool,
    pub(crate) query_method: bool,
    pub(crate) refinement: Refinement,
    pub(crate) route_lifetime: Option<Duration>,
    pub(crate) safe_methods: Vec<Method>,
    pub(crate) share_cookie_requests: bool,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) stale_on_failure: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) store_set_cookie: bool,
    pub(crate) tag_fields: TagFields,
    pub(crate) target_list: Vec<HeaderName>,
    pub(crate) trusted_forwarding: bool,
}

/// 10 % of the time since `Last-Modified`, but never longer than this.
pub(crate) const HEURISTIC_CAP: Duration = Duration::from_secs(24 * 3600);

const DEFAULT_MAX_URI_BYTES: usize = 8 * 1024;
const DEFAULT_MAX_VARY_BYTES: usize = 4 * 1024;
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
            follow: Follow::default(),
            generate_etag: true,
            grace: None,
            heuristics: false,
            honour_request_directives: false,
            keep: None,
            lifetime_cap: None,
            max_uri_bytes: DEFAULT_MAX_URI_BYTES,
            max_vary_bytes: DEFAULT_MAX_VARY_BYTES,
            max_vary_names: DEFAULT_MAX_VARY_NAMES,
            name: CacheName::default(),
            override_origin: false,
            private_emission: false,
            query_method: false,
            refinement: Refinement::default(),
            route_lifetime: None,
            safe_methods: Vec::new(),
            share_cookie_requests: false,
            stale_if_error: None,
            stale_on_failure: None,
            stale_while_revalidate: None,
            store_set_cookie: false,
            tag_fields: TagFields::new(),
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

    /// The fields of responses that hold tags. Default: [`TagFields::new`].
    pub const fn tag_fields(&self) -> &TagFields {
        &self.tag_fields
    }

    /// Whether a stored response without `ETag` is given one from its body. Default: yes, except in
    /// [`conformance`](Self::conformance).
    #[must_use]
    pub const fn generates_etag(&self) -> bool {
        self.generate_etag
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
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
