//! [`Verify`]: whether a share of the hits is checked against the inner service.

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, LOCATION};

/// Checks a share of the hits: after the client has its answer, the inner service is called in the
/// background with the request as the client sent it, and status, chosen fields and the digest of
/// the body are compared with what is stored. Default: off.
///
/// ```
/// use std::time::Duration;
/// use larder::{RoutePolicy, Verify};
///
/// let policy = RoutePolicy::shared(Duration::from_secs(60)).verify(Verify::sample(0.01));
/// # drop(policy);
/// ```
///
/// # What a difference means
///
/// A response that differs is asked for again without the inputs that are not in the key and that
/// differ from those of the request that filled the store: header fields, cookies, query parameters,
/// and what says who asks ([`CacheBuilder::identity`], and the types that routes are partitioned by).
///
/// | then the inner service gives | verdict |
/// |---|---|
/// | the same | stale within its lifetime: the resource changed. Counted ([`Stats::verified_stale`]), and told as an event of level `INFO` |
/// | something else, and again the same when nothing is taken away | a wrong key. The inputs are taken away one by one, and those that change the response are named in a [`Finding`] |
/// | something else each time | stale: no lifetime is short enough for it |
///
/// An input that the request which filled the store had and this one has not cannot be taken away. It
/// is found when responses differ and agree by turns, and do so as that input does; so is the path
/// where the route stands for it ([`Key::route`]).
///
/// A handler that demands credentials itself answers something else without them: where its responses
/// are shared, they are named. What a partition covers is no input: the identity it goes by, and in a partition of one user
/// `Authorization` and `Cookie`.
///
/// # What it costs
///
/// Work of the inner service, never a client's time: GET and HEAD only, of requests without
/// `only-if-cached`, answered from fresh stored responses. Each shadow call counts against
/// [`max_per_second`](Self::max_per_second), and each check against
/// [`CacheBuilder::max_background`](crate::CacheBuilder::max_background) and
/// [`CacheBuilder::finish_within`](crate::CacheBuilder::finish_within). Handlers run as for any GET:
/// one that counts its visitors counts these too. What comes back is neither stored nor sent to
/// anybody. With each stored response up to 64 names and keyed hashes of inputs are kept, no values;
/// what was stored without them is not checked.
///
/// [`CacheBuilder::identity`]: crate::CacheBuilder::identity
/// [`Finding`]: crate::Finding
/// [`Key::route`]: crate::Key::route
/// [`Stats::verified_stale`]: crate::Stats::verified_stale
#[derive(Debug, Clone)]
#[must_use = "a setting does nothing until a layer or a route has it"]
pub struct Verify {
    pub(crate) share: f64,
    pub(crate) max_per_second: u32,
    pub(crate) headers: Arc<[HeaderName]>,
    pub(crate) max_body_bytes: u64,
}

impl Verify {
    /// Checks this share of the hits, chosen at random: 0 is none, 1 is every hit, what is beyond is
    /// taken for the nearer of them, and what is not a number for 0.
    pub fn sample(share: f64) -> Self {
        let compared = [CONTENT_TYPE, CONTENT_LANGUAGE, CONTENT_ENCODING, LOCATION];
        Self {
            share: if share.is_nan() {
                0.0
            } else {
                share.clamp(0.0, 1.0)
            },
            max_per_second: 1,
            headers: Arc::from(compared),
            max_body_bytes: u64::MAX,
        }
    }

    /// Most calls of the inner service in a second, by the cache's clock, on this route or layer.
    /// Telling why a response differs takes up to eleven calls: they are made at once, and the next
    /// checks wait until that is made up for. Default: 1. With 0 nothing is checked.
    pub fn max_per_second(self, max_per_second: u32) -> Self {
        Self {
            max_per_second,
            ..self
        }
    }

    /// The response fields that are compared, besides status and body. Default: Content-Type,
    /// Content-Language, Content-Encoding and Location.
    pub fn compare_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self {
            headers: names.into_iter().collect(),
            ..self
        }
    }

    /// Largest body that is compared, in bytes; the check of a larger one is given up. Default, and
    /// at most: [`CacheBuilder::max_body_bytes`](crate::CacheBuilder::max_body_bytes).
    pub fn max_body_bytes(self, max_body_bytes: u64) -> Self {
        Self {
            max_body_bytes,
            ..self
        }
    }
}
