//! [`MemcachedTier`]: both traits, on one client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    Batch, EntryKey, EntryStore, Extent, Found, InvalidationLog, LogPosition, Node, NodeId,
    Outcome, Pending, Put, Token, Wish,
};

use crate::client::Client;
use crate::entries;
use crate::log::{self, LogState};
use crate::names::Names;
use crate::settings::Settings;
use crate::shared::Shared;

/// Stored responses and purges of a fleet on Memcached. Clones are the same tier; when the last one is
/// dropped, its connections are closed.
#[derive(Clone)]
pub struct MemcachedTier {
    shared: Arc<Shared>,
}

impl MemcachedTier {
    pub(crate) fn new(client: Client, names: Names, settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                client,
                names,
                settings,
                log: LogState::default(),
            }),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.shared.client
    }
}

impl fmt::Debug for MemcachedTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedTier")
            .field("namespace", &self.shared.names.namespace())
            .field("client", &self.shared.client)
            .finish_non_exhaustive()
    }
}

impl EntryStore for MemcachedTier {
    fn get<'a>(&'a self, key: &'a EntryKey, wish: Wish<'a>) -> Pending<'a, Found> {
        Box::pin(entries::get(&self.shared, key, wish))
    }

    fn put<'a>(&'a self, put: &'a Put) -> Pending<'a, ()> {
        Box::pin(entries::put(&self.shared, put))
    }

    fn remove<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        Box::pin(entries::remove(&self.shared, key))
    }

    fn discard<'a>(&'a self, key: &'a EntryKey, born: LogPosition) -> Pending<'a, ()> {
        Box::pin(entries::discard(&self.shared, key, born))
    }

    fn release<'a>(
        &'a self,
        key: &'a EntryKey,
        token: &'a Token,
        outcome: Outcome,
    ) -> Pending<'a, ()> {
        Box::pin(entries::release(&self.shared, key, token, outcome))
    }
}

impl InvalidationLog for MemcachedTier {
    fn extent(&self, anchor: LogPosition) -> Pending<'_, Extent> {
        Box::pin(log::extent(&self.shared, anchor))
    }

    fn read(&self, after: LogPosition, limit: usize, _wait: Duration) -> Pending<'_, Batch> {
        Box::pin(log::read(&self.shared, after, limit))
    }

    fn append<'a>(&'a self, record: &'a Bytes) -> Pending<'a, LogPosition> {
        Box::pin(log::append(&self.shared, record))
    }

    fn restart<'a>(
        &'a self,
        above: LogPosition,
        record: &'a Bytes,
    ) -> Pending<'a, Option<LogPosition>> {
        Box::pin(log::restart(&self.shared, above, record))
    }

    fn announce(&self, node: NodeId, applied: LogPosition, lasts: Duration) -> Pending<'_, ()> {
        Box::pin(log::announce(&self.shared, node, applied, lasts))
    }

    fn nodes(&self) -> Pending<'_, Vec<Node>> {
        Box::pin(log::nodes(&self.shared))
    }

    fn poll_every(&self) -> Option<Duration> {
        Some(self.shared.settings.poll_every)
    }
}
