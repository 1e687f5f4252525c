//! [`RedisTier`]: the shared tier.

use std::fmt;
use std::sync::Arc;

use crate::builder::RedisTierBuilder;
use crate::connect_error::ConnectError;
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

impl RedisTier {
    /// Connects to one server, with defaults for everything that the URL does not say:
    /// `redis://user:password@host:6379/0`, `rediss://…` for TLS, `redis+unix:///path` for a socket.
    /// See [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// As [`RedisTierBuilder::connect`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// A tier on one server, to be configured. What is wrong with the URL is told on connecting.
    pub fn builder(url: impl Into<String>) -> RedisTierBuilder {
        RedisTierBuilder::one(url.into())
    }

    /// A tier on the master that sentinels know by a name. User and password in the URLs are for the
    /// sentinels; those for the master are set with [`RedisTierBuilder::credentials`]. With `rediss://`
    /// sentinels and master are spoken to by TLS.
    ///
    /// After a failover the tier finds the new master by itself.
    pub fn sentinel<U: Into<String>>(
        urls: impl IntoIterator<Item = U>,
        master: impl Into<String>,
    ) -> RedisTierBuilder {
        RedisTierBuilder::sentinel(urls.into_iter().map(Into::into).collect(), master.into())
    }

    /// A tier on a cluster, by the URLs of some of its nodes; the others are found. User and password
    /// are those of the first URL, and hold for all nodes.
    ///
    /// Responses are spread over the nodes, a response and all that belongs to it on one. The log is on
    /// one node too.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisTierBuilder {
        RedisTierBuilder::cluster(urls.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for RedisTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTier")
            .field("place", &self.inner.settings.place)
            .field("log", &self.inner.keys.log)
            .finish_non_exhaustive()
    }
}
