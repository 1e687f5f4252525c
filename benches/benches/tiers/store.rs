//! A store by itself, without a cache in front of it.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{EntryKey, EntryStore, Lease, LogPosition, Put, Token, Wish, frame_born};

#[derive(Clone, Copy)]
pub enum Ask {
    Read,
    /// As a request does that finds nothing in memory.
    ReadOrLease,
}

/// The length of what stands under a key.
pub async fn get(store: impl EntryStore, key: EntryKey, ask: Ask) -> usize {
    let lease = Lease {
        token: Token::from_bytes([7; 16]),
        born: LogPosition::new(1, 1),
        lasts: Duration::from_secs(5),
    };
    let wish = match ask {
        Ask::Read => Wish::Read,
        Ask::ReadOrLease => Wish::ReadOrLease(&lease),
    };
    let found = store.get(&key, wish).await.expect("an answer");
    found.primary.expect("a value").len()
}

pub fn key(number: usize) -> EntryKey {
    let mut hash = [7; 32];
    for (to, from) in hash.iter_mut().zip(number.to_be_bytes()) {
        *to = from;
    }
    EntryKey::new(hash)
}

/// A frame under another key: for a store it is as good.
pub fn copy(number: usize, frame: &Bytes) -> Put {
    Put {
        key: key(number),
        value: frame.clone(),
        rule: None,
        born: frame_born(frame).expect("a frame"),
        keep: Duration::from_secs(3600),
        lease: None,
    }
}
