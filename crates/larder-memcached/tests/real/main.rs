//! Against a real memcached, which is killed, paused, emptied and started anew.

mod chaos;
mod entries;
mod failures;
mod fleet;
mod leases;
mod log;
mod losses;
mod several;

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{EntryKey, Lease, LogPosition, MAGIC, Put, Token};
use larder_memcached::MemcachedTier;
use larder_servers::Memcached;

/// A tier on a server of its own.
pub(crate) async fn start() -> Option<(Memcached, MemcachedTier)> {
    let server = Memcached::start_or_skip().await?;
    let tier = tier(&server).await;
    Some((server, tier))
}

/// Another node on the same server.
pub(crate) async fn tier(server: &Memcached) -> MemcachedTier {
    let tier = MemcachedTier::connect([server.addr().to_string()]).await;
    tier.expect("a server that runs")
}

pub(crate) fn key(number: u8) -> EntryKey {
    EntryKey::new([number; 32])
}

pub(crate) fn at(count: u64) -> LogPosition {
    LogPosition::new(1_800_000_000_000, count)
}

pub(crate) fn token(number: u8) -> Token {
    Token::from_bytes([number; 16])
}

pub(crate) fn lease(number: u8, born: u64) -> Lease {
    Lease {
        token: token(number),
        born: at(born),
        lasts: Duration::from_secs(30),
    }
}

/// What a value looks like to a store.
pub(crate) fn frame(born: u64, text: &str) -> Bytes {
    let born = at(born).bits().to_be_bytes();
    [&MAGIC[..], &[1, 0, 0, 0, 0, 0], &born, text.as_bytes()]
        .concat()
        .into()
}

pub(crate) fn put(key: EntryKey, born: u64, text: &str) -> Put {
    Put {
        key,
        value: frame(born, text),
        rule: None,
        born: at(born),
        keep: Duration::from_secs(60),
        lease: None,
    }
}
