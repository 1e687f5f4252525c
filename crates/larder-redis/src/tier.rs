//! [`RedisTier`]: the shared tier.

use std::fmt;
use std::sync::Arc;

use crate::data::Data;
use crate::keys::Keys;
use crate::link::Link;
use crate::script::Scripts;

/// A shared tier on Redis or Valkey: an [`EntryStore`](larder::shared::EntryStore) and an
/// [`InvalidationLog`](larder::shared::InvalidationLog).
///
/// Cloning it is cheap, and clones share their connections. It has to be used within the tokio runtime
/// in which it was made: tasks there keep the connections, as long as a clone is there.
///
/// It has two connections: one that all requests share, and one that waits for purges. While the server
/// cannot be reached every call fails at once; nothing waits until it is there again, and once it is
/// both connections are there again by themselves.
#[derive(Clone)]
pub struct RedisTier {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    pub(crate) settings: Settings,
    /// How another connection is made, to where the log is.
    #[cfg(feature = "bridge")]
    pub(crate) dialler: crate::dial::Dialler,
    #[cfg(feature = "bridge")]
    pub(crate) place: crate::place::Place,
    /// For all that is answered at once.
    pub(crate) data: Data,
    /// For what is waited for.
    pub(crate) log: Link,
    /// For what replicas have to confirm, since all that comes behind waits for them.
    pub(crate) confirmed: Option<Link>,
}

/// What calls depend on.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Records that the log retains, at least.
    pub(crate) retain: u64,
    /// How many replicas have to have a purge, and for how many milliseconds they are waited for.
    pub(crate) wait_replicas: Option<(u32, u64)>,
    pub(crate) place: String,
}

impl fmt::Debug for RedisTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTier")
            .field("place", &self.inner.settings.place)
            .field("log", &self.inner.keys.log)
            .finish_non_exhaustive()
    }
}
