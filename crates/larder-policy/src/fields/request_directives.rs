//! The `Cache-Control` of a request (RFC 9111 section 5.2.1). It is tested beside the response's.

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderValue};

use super::cache_control::{merge_lifetime, merge_window};
use super::directive::{Argument, Directive};
use super::list::{combine, split_list};
use super::time::DeltaSeconds;

/// The directives of a request (RFC 9111 section 5.2.1): what a client would like, not what a cache
/// has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) no_transform: bool,
    pub(crate) max_age: Option<DeltaSeconds>,
    pub(crate) min_fresh: Option<DeltaSeconds>,
    pub(crate) max_stale: Option<MaxStale>,
    pub(crate) stale_if_error: Option<DeltaSeconds>,
}

/// How stale a response the client takes; the smaller the more restrictive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaxStale {
    /// However stale it is.
    Any,
    /// Stale by no more than this.
    AtMost(DeltaSeconds),
}

impl RequestDirectives {
    /// Reads the `Cache-Control` lines of a request; without any, `Pragma: no-cache` counts as
    /// `no-cache` (RFC 9111 section 5.4).
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        if headers.contains_key(CACHE_CONTROL) {
            return Self::parse(headers.get_all(CACHE_CONTROL).iter());
        }
        let pragma = Self::parse(headers.get_all(PRAGMA).iter());
        Self {
            no_cache: pragma.no_cache,
            ..Self::default()
        }
    }

    /// Reads the lines of one field, as if they were joined in order.
    ///
    /// An invalid `max-age` counts as zero and an invalid `min-fresh` as [`DeltaSeconds::MAX`]: the
    /// client wanted something fresher than it might get. An invalid `max-stale` is ignored.
    #[must_use]
    pub fn parse<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Self {
        let value = combine(lines);
        let mut directives = Self::default();
        for directive in split_list(&value).filter_map(Directive::parse) {
            directives.add(&directive);
        }
        directives
    }

    fn add(&mut self, directive: &Directive<'_>) {
        let argument = &directive.argument;
        match directive.name() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"no-transform" => self.no_transform = true,
            b"max-age" => merge_lifetime(&mut self.max_age, argument),
            b"min-fresh" => {
                let wanted = argument.seconds().unwrap_or(DeltaSeconds::MAX);
                self.min_fresh = self.min_fresh.max(Some(wanted));
            }
            b"max-stale" => self.merge_max_stale(argument),
            b"stale-if-error" => merge_window(&mut self.stale_if_error, argument),
            _ => {}
        }
    }

    /// Keeps the smaller of two allowances.
    fn merge_max_stale(&mut self, argument: &Argument<'_>) {
        let allowed = match argument {
            Argument::Absent => Some(MaxStale::Any),
            argument => argument.seconds().map(MaxStale::AtMost),
        };
        self.max_stale = match (self.max_stale, allowed) {
            (Some(MaxStale::AtMost(a)), Some(MaxStale::AtMost(b))) => {
                Some(MaxStale::AtMost(a.min(b)))
            }
            (earlier @ Some(MaxStale::AtMost(_)), _) | (earlier, None) => earlier,
            (_, allowed) => allowed,
        };
    }

    /// Whether this exchange must not be stored.
    #[must_use]
    pub fn no_store(&self) -> bool {
        self.no_store
    }

    /// Whether a stored response must be validated first.
    #[must_use]
    pub fn no_cache(&self) -> bool {
        self.no_cache
    }

    /// Whether the client wants a stored response or none.
    #[must_use]
    pub fn only_if_cached(&self) -> bool {
        self.only_if_cached
    }

    /// Whether the content must not be transformed.
    #[must_use]
    pub fn no_transform(&self) -> bool {
        self.no_transform
    }

    /// The highest age the client takes.
    #[must_use]
    pub fn max_age(&self) -> Option<DeltaSeconds> {
        self.max_age
    }

    /// For how long the response must stay fresh from now on.
    #[must_use]
    pub fn min_fresh(&self) -> Option<DeltaSeconds> {
        self.min_fresh
    }

    /// How stale a response the client takes.
    #[must_use]
    pub fn max_stale(&self) -> Option<MaxStale> {
        self.max_stale
    }

    /// How stale a response the client takes when validation fails (RFC 5861 section 4).
    #[must_use]
    pub fn stale_if_error(&self) -> Option<DeltaSeconds> {
        self.stale_if_error
    }
}
