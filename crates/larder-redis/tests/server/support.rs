//! A tier on a server, values, and leases.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    EntryKey, EntryStore, Found, Lease, Leased, LogPosition, MAGIC, Put, StoreErrorKind, Token,
    Wish,
};
use larder_redis::RedisTier;
use larder_servers::{Redis, RedisOptions, until};

/// How long things may take that really happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A server and a tier on it.
pub(crate) async fn tier() -> Option<(Redis, RedisTier)> {
    tier_on(Redis::options()).await
}

pub(crate) async fn tier_on(options: RedisOptions) -> Option<(Redis, RedisTier)> {
    let server = options.start_or_skip().await?;
    let tier = RedisTier::connect(server.url()).await.unwrap();
    Some((server, tier))
}

pub(crate) fn key(of: u8) -> EntryKey {
    EntryKey::new([of; 32])
}

/// What a value looks like as far as a store is concerned.
pub(crate) fn frame(born: LogPosition, content: &str) -> Bytes {
    let mut frame = [&MAGIC[..], &[1, 0, 0, 0, 0, 0]].concat();
    frame.extend_from_slice(&born.bits().to_be_bytes());
    frame.extend_from_slice(content.as_bytes());
    frame.into()
}

pub(crate) fn at(count: u64) -> LogPosition {
    LogPosition::new(1_800_000_000_000, count)
}

/// A value that is born at a position, which is its content too.
pub(crate) fn put(key: EntryKey, born: LogPosition) -> Put {
    Put {
        key,
        value: frame(born, &born.to_string()),
        rule: None,
        born,
        keep: MINUTE,
        lease: None,
    }
}

pub(crate) fn token(of: u8) -> Token {
    Token::from_bytes([of; 16])
}

pub(crate) fn lease(of: u8) -> Lease {
    Lease {
        token: token(of),
        born: at(of.into()),
        lasts: MINUTE,
    }
}

pub(crate) async fn read(tier: &RedisTier, key: &EntryKey) -> Found {
    tier.get(key, Wish::Read).await.unwrap()
}

pub(crate) async fn ask(tier: &RedisTier, key: &EntryKey, of: u8) -> Leased {
    let lease = lease(of);
    tier.get(key, Wish::ReadOrLease(&lease))
        .await
        .unwrap()
        .leased
}

pub(crate) async fn kind_of_get(tier: &RedisTier, key: &EntryKey) -> StoreErrorKind {
    tier.get(key, Wish::Read).await.unwrap_err().kind()
}

/// Waits until the tier reaches its server.
pub(crate) async fn until_it_works(tier: &RedisTier) {
    until("the tier reaches its server", PATIENCE, async || {
        tier.get(&key(0), Wish::Read).await.ok().map(drop)
    })
    .await;
}

/// What Redis calls the keys of an entry.
pub(crate) fn name(key: &EntryKey, part: &str) -> String {
    format!("larder1::{{{}}}:{part}", key.primary_text())
}
