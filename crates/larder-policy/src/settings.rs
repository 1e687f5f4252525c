//! The settings of a [`Policy`], one method each.

use std::time::Duration;

use http::header::HeaderName;
use http::{Method, StatusCode};

use crate::fields::{CacheControl, CacheName, TagFields};
use crate::policy::{ErrorStatuses, Follow, Mode, Policy, Scheme};

impl Policy {
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

    /// Grace: a stored response may be served for up to so long after it expired, while it is
    /// validated or when the inner service fails, whatever windows it names itself: the longer of
    /// the two counts. Responses that forbid stale use (RFC 9111 section 4.2.4), that have to be
    /// validated before every use, or that were invalidated are not affected. Grace makes nothing
    /// storable that is not storable without. Default: none.
    #[must_use]
    pub fn with_grace(self, window: Option<Duration>) -> Self {
        Self {
            grace: window,
            ..self
        }
    }

    /// Lets the success of a write invalidate the cache groups that its response names in
    /// `Cache-Group-Invalidation` (RFC 9875). Groups belong to one origin: where several tenants share
    /// one, each could drop what the others named, so such origins turn it off (section 5 there).
    /// Default: yes.
    #[must_use]
    pub fn with_group_invalidation(self, groups: bool) -> Self {
        let follow = Follow {
            groups,
            ..self.follow
        };
        Self { follow, ..self }
    }

    /// Lets the success of a write invalidate also the URLs of the same origin that its response names
    /// in `Location` and `Content-Location` (RFC 9111 section 4.4, where it may). Default: yes.
    #[must_use]
    pub fn with_location_invalidation(self, locations: bool) -> Self {
        let follow = Follow {
            locations,
            ..self.follow
        };
        Self { follow, ..self }
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

    /// Keeps a stored response for validation only (RFC 9111 section 4.3) for so long after it
    /// expired and the longest of its stale windows ended: `stale-while-revalidate`,
    /// `stale-if-error`, [grace](Self::with_grace) and the one
    /// [on failure](Self::with_stale_on_failure), whether it may use them or not. After that
    /// [`decide`](Self::decide) says [`Forget`](crate::Decision::Forget), unless the client accepts
    /// a response as stale as this. Default: `None`, until it is evicted.
    #[must_use]
    pub fn with_keep(self, keep: Option<Duration>) -> Self {
        Self { keep, ..self }
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

    /// Most bytes of selecting field values that are kept with a stored response. Default: 4096.
    #[must_use]
    pub fn with_max_vary_bytes(self, max_vary_bytes: usize) -> Self {
        Self {
            max_vary_bytes,
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

    /// Whose store this is; see [`Policy::shared`] and [`Policy::private`].
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Tells clients that responses are `private`, whatever is said of them otherwise, `no-store`
    /// apart: for routes whose responses are kept for one user or one group of users, so that no cache
    /// on the way hands them to others. Default: no.
    #[must_use]
    pub fn with_private_emission(self, private_emission: bool) -> Self {
        Self {
            private_emission,
            ..self
        }
    }

    /// Stores responses to QUERY requests (RFC 10008), and answers QUERY requests with the same content
    /// from them. Needs a driver that reads the content first. Default: no; they are forwarded.
    #[must_use]
    pub fn with_query_method(self, query_method: bool) -> Self {
        Self {
            query_method,
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

    /// Which fields of responses hold tags, by which they can be purged, and whether clients see
    /// these. Default: [`TagFields::new`].
    #[must_use]
    pub fn with_tag_fields(self, tag_fields: TagFields) -> Self {
        Self { tag_fields, ..self }
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

    /// Also stores these error statuses, fresh for at most `cap`. Statuses that speak of request
    /// fields outside the key (401, 407, 412, 416, 417, 421, 425) or that RFC 6585 forbids to store
    /// are not stored even so.
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
