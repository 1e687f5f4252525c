//! [`ForcedRefresh`]: whose `no-cache` makes the cache validate what it has.

use std::fmt;
use std::sync::Arc;

use larder_policy::RequestHead;

use crate::view::RequestView;

/// What becomes of a request with `Cache-Control: no-cache`: see
/// [`CacheLayer::with_forced_refresh`](crate::CacheLayer::with_forced_refresh).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForcedRefresh {
    /// What is stored is validated before it is used (RFC 9111 section 5.2.1.4), and what comes of that
    /// is stored for all.
    Honour,
    /// The request is answered as if it did not ask for that.
    Ignore,
    /// The answer is 403 (Forbidden), and the inner service is not asked.
    Refuse,
}

/// Decides about requests with `no-cache`.
#[derive(Clone)]
pub(crate) struct Forced(Arc<dyn Fn(&RequestView<'_>) -> ForcedRefresh + Send + Sync>);

impl Forced {
    pub(crate) fn new(
        decide: impl Fn(&RequestView<'_>) -> ForcedRefresh + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decide))
    }

    /// The request as it is to be looked up. `None`: it is refused.
    pub(crate) fn decide<'a>(
        &self,
        head: &RequestHead<'a>,
        view: &RequestView<'_>,
    ) -> Option<RequestHead<'a>> {
        let honoured = match (self.0)(view) {
            ForcedRefresh::Honour => true,
            ForcedRefresh::Ignore => false,
            ForcedRefresh::Refuse => return None,
        };
        Some(head.with_no_cache_honoured(Some(honoured)))
    }
}

impl fmt::Debug for Forced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forced")
    }
}
