//! [`Way`]: how a node gets to a server.

use std::time::{Duration, SystemTime};

use larder::{Cache, Clock, SharedSettings};
use larder_memcached::MemcachedTier;
use larder_redis::RedisTier;

/// For this time after it was acknowledged a purge may be unknown to a node.
pub(crate) const BOUND: Duration = Duration::from_millis(500);
/// How long a node waits for another that fetches.
pub(crate) const LEASE: Duration = Duration::from_millis(200);
/// How long a request waits for an answer of the store.
pub(crate) const WITHIN: Duration = Duration::from_millis(50);

/// How a node gets to a server, and what else is its own.
#[derive(Clone)]
pub(crate) struct Way {
    to: To,
    settings: SharedSettings,
    /// Of its clock, in seconds.
    ahead: i64,
    clock: Option<Clock>,
}

#[derive(Clone)]
enum To {
    Redis(String),
    Sentinel(Vec<String>, String),
    Cluster(Vec<String>),
    Memcached(String),
}

impl Way {
    pub(crate) fn redis(url: impl Into<String>) -> Self {
        Self::to(To::Redis(url.into()))
    }

    pub(crate) fn sentinel(urls: Vec<String>, master: &str) -> Self {
        Self::to(To::Sentinel(urls, master.to_owned()))
    }

    pub(crate) fn cluster(urls: Vec<String>) -> Self {
        Self::to(To::Cluster(urls))
    }

    pub(crate) fn memcached(address: impl ToString) -> Self {
        Self::to(To::Memcached(address.to_string()))
    }

    fn to(to: To) -> Self {
        let settings = SharedSettings::new()
            .fail_closed()
            .bound(BOUND)
            .lease_for(LEASE)
            .lease_within(WITHIN)
            .read_within(WITHIN);
        Self {
            to,
            settings,
            ahead: 0,
            clock: None,
        }
    }

    /// With a clock that is so many seconds ahead.
    pub(crate) fn ahead(self, ahead: i64) -> Self {
        Self { ahead, ..self }
    }

    /// With this clock.
    pub(crate) fn clock(self, clock: Clock) -> Self {
        let clock = Some(clock);
        Self { clock, ..self }
    }

    pub(crate) fn with(self, set: impl FnOnce(SharedSettings) -> SharedSettings) -> Self {
        let settings = set(self.settings);
        Self { settings, ..self }
    }

    pub(crate) async fn cache(self) -> Cache {
        let ahead = Duration::from_secs(self.ahead.unsigned_abs());
        let is_ahead = self.ahead >= 0;
        let clock = Clock::from_fn(move || match is_ahead {
            true => SystemTime::now() + ahead,
            false => SystemTime::now() - ahead,
        });
        let (builder, settings) = (
            Cache::builder().clock(self.clock.unwrap_or(clock)),
            self.settings,
        );
        let builder = match self.to {
            To::Redis(url) => {
                let tier = RedisTier::builder(url).allow_eviction(true).connect();
                builder.shared_with(tier.await.unwrap(), settings)
            }
            To::Sentinel(urls, master) => {
                let tier = RedisTier::sentinel(urls, master)
                    .wait_replicas(1, Duration::from_millis(50))
                    .connect();
                builder.shared_with(tier.await.unwrap(), settings)
            }
            To::Cluster(urls) => {
                let tier = RedisTier::cluster(urls)
                    .wait_replicas(1, Duration::from_millis(50))
                    .connect();
                builder.shared_with(tier.await.unwrap(), settings)
            }
            To::Memcached(address) => {
                let tier = MemcachedTier::connect([address]);
                builder.shared_with(tier.await.unwrap(), settings)
            }
        };
        builder.build()
    }
}
