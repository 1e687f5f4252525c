//! What is asked of a fake store.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    EntryKey, InvalidationLog, Lease, LogPosition, Put, StoreError, StoreErrorKind, Token,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn key(byte: u8) -> EntryKey {
    EntryKey::new([byte; 32])
}

pub(crate) fn put(key: EntryKey, value: &'static str) -> Put {
    Put {
        key,
        value: Bytes::from(value),
        rule: None,
        born: LogPosition::START,
        keep: 60 * SECOND,
        lease: None,
    }
}

pub(crate) fn lease(byte: u8) -> Lease {
    Lease {
        token: Token::from_bytes([byte; 16]),
        born: LogPosition::START,
        lasts: 10 * SECOND,
    }
}

pub(crate) async fn append(log: &impl InvalidationLog, text: &'static str) -> LogPosition {
    log.append(&record(text)).await.unwrap()
}

pub(crate) fn record(text: &'static str) -> Bytes {
    Bytes::from(text)
}

pub(crate) fn kind<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    let Err(error) = result else {
        panic!("it did what it was asked");
    };
    error.kind()
}
