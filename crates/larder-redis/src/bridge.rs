//! [`Bridge`]: purges that others publish.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::{Change, Source};

use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::heard::Heard;
use crate::message;
use crate::tier::{Inner, RedisTier};

impl RedisTier {
    /// Purges that are published on a channel of the same server (`PUBLISH`), for applications that do
    /// not run larder; to be [followed](larder::Cache::follow). A message is JSON:
    ///
    /// ```json
    /// {"tags": ["user:42"], "urls": ["/a"], "prefixes": ["/b"], "everything": false, "soft": false}
    /// ```
    ///
    /// Any of its fields may be missing; all that it names is purged, as by [`Purge`](larder::Purge).
    /// What is no such message is told as a warning event, counted, and left out.
    ///
    /// It is to be followed on one node of a fleet, or on two in case one goes: each writes the purges
    /// into the log, and all nodes read them there. What is published while nobody listens is lost, as
    /// Redis has it; see [`Bridge::purge_after_gap`]. Whoever cannot bear that calls one of the nodes.
    ///
    /// ```no_run
    /// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    /// use larder_redis::RedisTier;
    ///
    /// # let cache = Cache::builder().build();
    /// let tier = RedisTier::connect("redis://localhost").await?;
    /// let bridge = tier.bridge("shop:purges");
    /// let counts = bridge.counts();
    /// let feed = cache.follow(bridge).spawn();
    /// println!("{} messages, {} of them no purges", counts.received(), counts.malformed());
    /// # drop(feed);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "bridge")))]
    pub fn bridge(&self, channel: impl Into<String>) -> Bridge {
        Bridge {
            inner: Arc::clone(&self.inner),
            channel: channel.into(),
            heard: None,
            has_gap: false,
            purge_after_gap: false,
            counts: BridgeCounts::default(),
        }
    }
}

/// Purges that others publish; from [`RedisTier::bridge`].
#[must_use = "nobody listens until a cache follows it"]
pub struct Bridge {
    inner: Arc<Inner>,
    channel: String,
    heard: Option<Heard>,
    /// There was a connection, and there may have been messages since it was lost.
    has_gap: bool,
    purge_after_gap: bool,
    counts: BridgeCounts,
}

impl Bridge {
    /// Whether everything is purged, on all nodes, after nobody listened for a while
    /// ([`Change::Lost`]). Default: `false`, what was published in between is lost.
    pub fn purge_after_gap(self, purge: bool) -> Self {
        Self {
            purge_after_gap: purge,
            ..self
        }
    }

    /// What it has heard so far, also when it is followed.
    #[must_use]
    pub fn counts(&self) -> BridgeCounts {
        self.counts.clone()
    }

    async fn listen(&self) -> Result<Heard, ConnectError> {
        Heard::on(&self.inner, &self.channel).await
    }

    /// The purge that a message is.
    fn purge(&self, message: &[u8]) -> Option<Change> {
        BridgeCounts::add(&self.counts.0.received);
        match message::purge(message) {
            Ok(purge) => Some(purge.into()),
            Err(error) => {
                BridgeCounts::add(&self.counts.0.malformed);
                tracing::warn!(target: "larder::redis", channel = %self.channel, %error, "a message is no purge");
                None
            }
        }
    }
}

impl Source for Bridge {
    type Error = ConnectError;

    async fn next(&mut self) -> Option<Result<Change, ConnectError>> {
        loop {
            let Some(heard) = &mut self.heard else {
                match self.listen().await {
                    Ok(heard) => self.heard = Some(heard),
                    Err(error) => return Some(Err(error)),
                }
                if std::mem::take(&mut self.has_gap) && self.purge_after_gap {
                    return Some(Ok(Change::Lost));
                }
                continue;
            };
            let Some(message) = heard.next().await else {
                (self.heard, self.has_gap) = (None, true);
                return Some(Err(ConnectError::new(
                    ConnectErrorKind::Unreachable,
                    format!("the connection for {:?} is lost", self.channel),
                )));
            };
            if let Some(change) = self.purge(&message) {
                return Some(Ok(change));
            }
        }
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge")
            .field("channel", &self.channel)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// What a [`Bridge`] has heard so far.
#[derive(Clone, Default)]
pub struct BridgeCounts(Arc<Counters>);

#[derive(Default)]
struct Counters {
    malformed: AtomicU64,
    received: AtomicU64,
}

impl BridgeCounts {
    /// Messages that came.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    /// Those of them that were no purges.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.0.malformed.load(Ordering::Relaxed)
    }

    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for BridgeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeCounts")
            .field("received", &self.received())
            .field("malformed", &self.malformed())
            .finish()
    }
}
