//! [`Probe`]: a request that asks about the cache instead of asking it.

use http::Extensions;

/// Request extension: the cache forwards this request without looking for a stored response, keeps
/// nothing of what comes back, lets nobody wait for it, and says in a [`Probed`] extension of the
/// response what it would have done. For tests, such as those of `larder-testing`.
///
/// No client can send one: extensions do not travel, and only code of the application's own process
/// can put one into a request. Probes invalidate nothing either, so that they go with safe methods;
/// they are neither counted nor traced.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::{Empty, Full};
/// use larder::policy::key::{Input, InputKind};
/// use larder::{Cache, CacheLayer, Probe, Probed, RoutePolicy};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let news = service_fn(|_: Request<Empty<Bytes>>| async {
///     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("fresh bread")))
/// });
/// let policy = RoutePolicy::shared(std::time::Duration::from_secs(60));
/// let layer = CacheLayer::new(Cache::builder().build()).with_route_policy(policy);
/// let service = ServiceBuilder::new().layer(layer).service(news);
///
/// let mut request = Request::get("http://example.com/news").body(Empty::new()).unwrap();
/// request.extensions_mut().insert(Probe::new());
/// let response = service.oneshot(request).await?;
/// let probed = response.extensions().get::<Probed>().unwrap();
/// assert!(probed.has(&Input::new(InputKind::Query, "page")));
/// assert!(!probed.has(&Input::new(InputKind::Header, "accept-language")));
/// # Ok(())
/// # }
/// ```
///
/// [`Probed`]: crate::Probed
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a probe does nothing until it is in a request's extensions"]
pub struct Probe {
    asks: Asks,
}

/// What a request does that does not ask the cache as those of clients do. In one extension, for it
/// is looked for on every hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// What the cache would do, with the request as it is.
    Whole,
    /// The same, with what is left of it on a miss.
    Narrowed,
    /// For what is stored to be validated, be it fresh.
    Refresh,
}

impl Probe {
    /// The inner service sees the request as it is, also on a route with declared inputs.
    #[expect(
        clippy::new_without_default,
        reason = "two kinds, neither of which is the usual one"
    )]
    pub const fn new() -> Self {
        Self { asks: Asks::Whole }
    }

    /// The inner service sees what it sees on a miss: declared inputs, where they are declared.
    pub const fn narrowed() -> Self {
        Self {
            asks: Asks::Narrowed,
        }
    }

    /// The probe in a request. Asked for on every hit.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// What is stored for this request is to be validated, as an [`Errand`](crate::errand::Errand)
    /// says.
    pub(crate) const fn refreshing() -> Self {
        Self {
            asks: Asks::Refresh,
        }
    }

    pub(crate) const fn refreshes(self) -> bool {
        matches!(self.asks, Asks::Refresh)
    }

    pub(crate) const fn narrows(self) -> bool {
        matches!(self.asks, Asks::Narrowed)
    }
}
