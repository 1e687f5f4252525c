//! [`MemcachedTierBuilder`]: settings of a tier.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, LinkSettings};
use crate::error::{ConnectError, ConnectErrorKind};
use crate::names::Names;
use crate::settings::Settings;
use crate::tier::MemcachedTier;

impl MemcachedTier {
    /// Connects to servers, each `host:port`, with the defaults for all else.
    ///
    /// # Errors
    ///
    /// As [`MemcachedTierBuilder::connect`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect<S: Into<String>>(
        servers: impl IntoIterator<Item = S>,
    ) -> Result<Self, ConnectError> {
        Self::builder().add_servers(servers).connect().await
    }

    /// Settings to begin with.
    pub fn builder() -> MemcachedTierBuilder {
        MemcachedTierBuilder::default()
    }
}

/// Settings of a [`MemcachedTier`]. Each has a default that does for most.
#[derive(Debug, Clone)]
#[must_use]
pub struct MemcachedTierBuilder {
    servers: Vec<String>,
    namespace: String,
    expected_value: usize,
    link: LinkSettings,
    settings: Settings,
}

impl Default for MemcachedTierBuilder {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            namespace: "larder1".to_owned(),
            expected_value: 1 << 20,
            link: LinkSettings {
                connect_timeout: Duration::from_secs(1),
                silence: Duration::from_secs(2),
                longest_pause: Duration::from_secs(5),
                queue: 1024,
                in_flight: 1024,
                longest_value: 8 << 20,
            },
            settings: Settings::default(),
        }
    }
}

impl MemcachedTierBuilder {
    /// Adds servers, as `host:port`. All nodes of a fleet must name the same ones in the same
    /// spelling: the spelling decides which server has which key. Their order says nothing. A name is looked up
    /// again for each attempt to connect.
    pub fn add_servers<S: Into<String>>(mut self, servers: impl IntoIterator<Item = S>) -> Self {
        self.servers.extend(servers.into_iter().map(Into::into));
        self
    }

    /// What all keys begin with, 1 to 128 visible ASCII characters; default `larder1`. Caches with
    /// the same namespace on the same servers are one fleet; others see nothing of each other.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// How often each node asks for purges, by default every 250 ms. A purge reaches other nodes within
    /// this time and one exchange with the server. Each poll costs the server two look-ups.
    pub fn poll_every(mut self, period: Duration) -> Self {
        self.settings.poll_every = period.max(Duration::from_millis(1));
        self
    }

    /// How long records of purges are kept, by default 24 hours. A node that was away for longer
    /// starts with nothing. It should be as long as responses are stored.
    pub fn retain_purges(mut self, period: Duration) -> Self {
        self.settings.retain = period;
        self
    }

    /// How long a record is waited for whose position has been taken, by default 250 ms. Then the
    /// node that was to write it is taken for dead, and everything stored before counts as purged.
    pub fn gap_wait(mut self, period: Duration) -> Self {
        self.settings.gap_wait = period;
        self
    }

    /// How many records of purges a node that begins reads at most, by default 16 384. To it, what was
    /// stored before the oldest of those is purged.
    pub fn longest_replay(mut self, records: u32) -> Self {
        self.settings.longest_replay = records.max(1);
        self
    }

    /// How long connecting may take, with the first questions; by default one second.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.link.connect_timeout = limit;
        self
    }

    /// How long a server may say nothing at all while answers are due, by default two seconds. Then
    /// the connection is given up: its requests fail, and a new one is made. It is no deadline of a request,
    /// which is the cache's business.
    pub fn silence_timeout(mut self, limit: Duration) -> Self {
        self.link.silence = limit.max(Duration::from_millis(1));
        self
    }

    /// The longest pause between two attempts to connect, by default five seconds. The first is
    /// 25 milliseconds; each is up to twice as long as the one before.
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.link.longest_pause = pause;
        self
    }

    /// How many requests may wait to be written, for each server; by default 1024. More are refused
    /// at once.
    pub fn queue(mut self, requests: usize) -> Self {
        self.link.queue = requests.max(1);
        self
    }

    /// How many requests may wait for an answer at a time, for each server; by default 1024.
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.link.in_flight = requests.max(1);
        self
    }

    /// The longest value that is read, in bytes; by default 8 MiB. A server that announces a longer
    /// one is disconnected before memory is taken for it.
    pub fn longest_value(mut self, bytes: usize) -> Self {
        self.link.longest_value = bytes;
        self
    }

    /// The longest body that the cache stores, in bytes, by default 1 MiB: there is a warning in the log if a
    /// server stores no items of this size. It limits nothing.
    pub fn expect_values_of(mut self, bytes: usize) -> Self {
        self.expected_value = bytes;
        self
    }

    /// Connects to all servers, and returns once each attempt has ended.
    ///
    /// Servers that cannot be reached are a warning in the log as long as there is one that can:
    /// connecting goes on in the background.
    ///
    /// # Errors
    ///
    /// No server can be reached, one is too old, or a setting is wrong: [`ConnectError`] says which and
    /// what to do.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect(self) -> Result<MemcachedTier, ConnectError> {
        let expected = self.expected_value;
        let tier = self.start()?;
        let mut unreachable = None;
        let mut is_any_up = false;
        for (address, tried) in tier.client().tried().await {
            match tried {
                Ok(hello) => {
                    is_any_up = true;
                    if hello.item_limit < expected {
                        tracing::warn!(
                            %address, limit = hello.item_limit, expected,
                            "memcached stores no items as large as the longest body of the cache: \
                             raise its setting -I"
                        );
                    }
                }
                Err(error) => {
                    let error = ConnectError::of(address, error);
                    if error.kind() == ConnectErrorKind::NotUsable {
                        return Err(error);
                    }
                    tracing::warn!(%error, "goes on without this server");
                    unreachable.get_or_insert(error);
                }
            }
        }
        match unreachable {
            Some(error) if !is_any_up => Err(error),
            _ => Ok(tier),
        }
    }

    /// Begins to connect in the background and returns at once: for an application that is to start
    /// whether or not there is a server. Until there is one, everything is a miss.
    ///
    /// # Errors
    ///
    /// A setting is wrong: [`ConnectError`] says which and what to do.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(self) -> Result<MemcachedTier, ConnectError> {
        let names = Names::new(&self.namespace)
            .ok_or_else(|| ConnectError::new(ConnectErrorKind::Namespace, &self.namespace))?;
        let mut addresses: Vec<Arc<str>> = Vec::with_capacity(self.servers.len());
        for server in &self.servers {
            if !is_address(server) || addresses.iter().any(|other| **other == **server) {
                return Err(ConnectError::new(ConnectErrorKind::Address, server));
            }
            addresses.push(server.as_str().into());
        }
        if addresses.is_empty() {
            return Err(ConnectError::new(ConnectErrorKind::NoServers, ""));
        }
        let client = Client::start(addresses, self.link);
        Ok(MemcachedTier::new(client, names, self.settings))
    }
}

/// Whether it is a host and a port. Whether there is such a host is found out later.
fn is_address(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let parts = text.rsplit_once(':');
    is_visible && parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
