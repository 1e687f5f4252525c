//! What happens between two exchanges.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use larder::shared::{
    EntryKey, EntryStore, InvalidationLog, Lease, Leased, LogPosition, Token, Wish,
};
use larder_memcached::MemcachedTier;

use crate::script::{Asked, Script};

#[tokio::test]
async fn a_value_that_came_meanwhile_is_read_and_the_lease_is_given_back() {
    let (reads, verbs) = (AtomicU32::new(0), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&verbs);
    let token = Token::from_bytes([b'x'; 16]);
    let script = Script::start(move |Asked { verb, key, opaque }| {
        let is_lease = key.contains(":l:");
        if is_lease {
            seen.lock().expect("no panic").push(verb.clone());
        }
        match verb.as_str() {
            // It is there from the second time on.
            "mg" if !is_lease && reads.fetch_add(1, Ordering::Relaxed) == 0 => {
                format!("EN k{key} O{opaque}\r\n").into()
            }
            "mg" if !is_lease => format!("VA 4 k{key} O{opaque} c1 t9\r\nbody\r\n").into(),
            "mg" => {
                let head = format!("VA 25 k{key} O{opaque} c5 t9\r\nh");
                [head.as_bytes(), &[b'x'; 16], &[0; 8], b"\r\n"].concat()
            }
            _ => format!("HD k{key} O{opaque}\r\n").into(),
        }
    })
    .await;
    let tier = MemcachedTier::connect([script.address.to_string()]).await;
    let lease = Lease {
        token,
        born: LogPosition::START,
        lasts: std::time::Duration::from_secs(9),
    };
    let key = EntryKey::new([1; 32]);
    let found = tier
        .expect("it greets as it should")
        .get(&key, Wish::ReadOrLease(&lease))
        .await;
    let found = found.expect("an answer");
    assert_eq!(
        (found.primary, found.leased),
        (Some("body".into()), Leased::No)
    );
    assert_eq!(*verbs.lock().expect("no panic"), ["ms", "mg", "mg", "md"]);
}

#[tokio::test]
async fn a_record_is_written_though_the_connection_broke_once_its_place_was_taken() {
    let at = LogPosition::new(1_800_000_000_000, 1);
    let writes = Arc::new(AtomicU32::new(0));
    let written = Arc::clone(&writes);
    let script = Script::start(move |Asked { verb, key, opaque }| match verb.as_str() {
        "ma" => {
            let digits = at.bits().to_string();
            format!("VA {} k{key} O{opaque}\r\n{digits}\r\n", digits.len()).into()
        }
        // The first answer ends the connection.
        "ms" if written.fetch_add(1, Ordering::Relaxed) == 0 => b"garbage\r\n".to_vec(),
        _ => format!("HD k{key} O{opaque}\r\n").into(),
    })
    .await;
    let tier = MemcachedTier::builder()
        .add_servers([script.address.to_string()])
        .gap_wait(std::time::Duration::from_secs(20))
        .connect()
        .await
        .expect("it greets as it should");
    assert_eq!(tier.append(&"a purge".into()).await.expect("an answer"), at);
    assert_eq!(writes.load(Ordering::Relaxed), 2);
}
