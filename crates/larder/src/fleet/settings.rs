//! [`SharedSettings`]: how a cache uses the store that it shares with others.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::frame::MIN_SECRET_BYTES;

/// Settings of a cache that shares a store with others; see
/// [`CacheBuilder::shared_with`](crate::CacheBuilder::shared_with).
///
/// ```
/// use std::time::Duration;
/// use larder::SharedSettings;
///
/// let settings = SharedSettings::new()
///     .fail_closed()
///     .bound(Duration::from_secs(1))
///     .read_within(Duration::from_millis(20));
/// ```
///
/// # When the log is silent
///
/// A node hears from the invalidation log a few times in each [bound](Self::bound). While it does, what it
/// serves as fresh is older than no purge that was acknowledged longer than the bound ago, and in normal
/// operation a purge arrives within milliseconds. When it hears nothing (the store is down, or this node
/// is cut off from it) it cannot know what others purge:
///
/// | | meanwhile a response counts as fresh | so a purge is missed for at most |
/// |---|---|---|
/// | [`fail_closed`](Self::fail_closed) | for one bound after its fill began, or after the log was last heard | the bound |
/// | [`fail_open`](Self::fail_open), the default with 30 seconds | so much longer | the bound and that |
///
/// After that stored responses are stale: served within their stale windows, else validated, by one request
/// for all. They are never lost. Purges of this node itself take effect here at once in any case, and go to
/// the others when the store is back.
#[derive(Clone)]
#[must_use = "settings do nothing until a cache is built with them"]
pub struct SharedSettings {
    pub(crate) bound: Duration,
    pub(crate) fail_open: Duration,
    pub(crate) fetch_ahead: u64,
    pub(crate) lease_for: Duration,
    pub(crate) max_known_purges: usize,
    pub(crate) max_queued_bytes: u64,
    pub(crate) max_queued_purges: usize,
    pub(crate) lease_within: Duration,
    pub(crate) read_within: Duration,
    pub(crate) secret: Option<Vec<u8>>,
    #[cfg(feature = "internals")]
    pub(crate) frame_version: Option<u8>,
    pub(crate) write_within: Duration,
}

impl SharedSettings {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// After this time a purge that the log has acknowledged is known to all nodes that are to be trusted.
    /// The log is heard four times in it. Default: 2 seconds; at least 100 milliseconds.
    pub fn bound(self, bound: Duration) -> Self {
        let bound = bound.max(Duration::from_millis(100));
        Self { bound, ..self }
    }

    /// Beyond the [bound](Self::bound) a node that does not hear from the log goes on for so long as if
    /// nothing had been purged. Default: 30 seconds.
    pub fn fail_open(self, longer: Duration) -> Self {
        Self {
            fail_open: longer,
            ..self
        }
    }

    /// A node that does not hear from the log within the [bound](Self::bound) takes what it has stored for
    /// stale.
    pub fn fail_closed(self) -> Self {
        self.fail_open(Duration::ZERO)
    }

    /// Memory, in bytes, for responses that other nodes have just stored and that are fetched from the store
    /// before anybody asks for them here: all nodes are warm when one is. Each node then reads from the
    /// store whatever any of them writes. What is not asked for gives way to what comes later. For stores
    /// that can tell of what is written: Redis and its kind. Default: 0, nothing is fetched ahead, and
    /// nobody is told.
    pub fn fetch_ahead(self, max_bytes: u64) -> Self {
        Self {
            fetch_ahead: max_bytes,
            ..self
        }
    }

    /// How long a request waits for the store to read something, all in all. Default: 50 milliseconds.
    pub fn read_within(self, read_within: Duration) -> Self {
        Self {
            read_within,
            ..self
        }
    }

    /// How long a request waits for the store to say who of all nodes is to fetch something, all in all:
    /// it may have to ask more than once. Default: 100 milliseconds.
    pub fn lease_within(self, lease_within: Duration) -> Self {
        Self {
            lease_within,
            ..self
        }
    }

    /// How long the store may take to write something, for which no request waits but one that is itself
    /// a write: that is answered once its purge is in the log, or so much later. Default: 250
    /// milliseconds.
    pub fn write_within(self, write_within: Duration) -> Self {
        Self {
            write_within,
            ..self
        }
    }

    /// How long other nodes wait for the one that fetches something before one of them tries too: longer
    /// than handlers usually take. A request that waits so long waits once more for the store, for at most
    /// [`lease_within`](Self::lease_within). Default: 5 seconds.
    pub fn lease_for(self, lease_for: Duration) -> Self {
        Self { lease_for, ..self }
    }

    /// Responses that wait to be written to the store, in bytes. More than that are not written, which is
    /// counted. Default: 32 MiB.
    pub fn max_queued_bytes(self, max_queued_bytes: u64) -> Self {
        Self {
            max_queued_bytes,
            ..self
        }
    }

    /// How many names of purges wait while the store is unreachable. More than that become a purge of
    /// everything. Default: 10,000.
    pub fn max_queued_purges(self, max_queued_purges: usize) -> Self {
        Self {
            max_queued_purges,
            ..self
        }
    }

    /// How many purges are remembered, at 16 bytes each, to tell what others stored from what they
    /// would store now: what was stored before the oldest of them is fetched again. Default: 100,000.
    pub fn max_known_purges(self, max_known_purges: usize) -> Self {
        Self {
            max_known_purges,
            ..self
        }
    }

    /// Writes another version of frames: for tests of nodes that are replaced one after the other.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn frame_version(self, version: u8) -> Self {
        Self {
            frame_version: Some(version),
            ..self
        }
    }

    /// A secret that all nodes have and the store has not: everything that is stored is signed with it
    /// (HMAC-SHA-256), and what is not is not used. So whoever can write to the store can make nobody serve
    /// what no node has stored; he can still drop and hold back. Keys and names of purges cannot be guessed
    /// without it either. Default: none.
    ///
    /// # Errors
    ///
    /// [`ShortSecret`] if it has fewer than 16 bytes.
    pub fn secret(self, secret: impl Into<Vec<u8>>) -> Result<Self, ShortSecret> {
        let secret = secret.into();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ShortSecret(secret.len()));
        }
        let secret = Some(secret);
        Ok(Self { secret, ..self })
    }
}

/// A [secret](SharedSettings::secret) can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortSecret(usize);

impl fmt::Display for ShortSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the secret of a shared store has {} bytes: it needs at least {MIN_SECRET_BYTES}, drawn at random",
            self.0
        )
    }
}

impl Error for ShortSecret {}

impl Default for SharedSettings {
    fn default() -> Self {
        Self {
            bound: Duration::from_secs(2),
            fail_open: Duration::from_secs(30),
            fetch_ahead: 0,
            lease_for: Duration::from_secs(5),
            max_known_purges: 100_000,
            max_queued_bytes: 32 << 20,
            max_queued_purges: 10_000,
            lease_within: Duration::from_millis(100),
            read_within: Duration::from_millis(50),
            secret: None,
            #[cfg(feature = "internals")]
            frame_version: None,
            write_within: Duration::from_millis(250),
        }
    }
}

/// Without the secret.
impl fmt::Debug for SharedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSettings")
            .field("bound", &self.bound)
            .field("fail_open", &self.fail_open)
            .field("is_signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}
