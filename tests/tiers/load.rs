//! Many keys, large values, and calls that nobody waits for to the end.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use larder::shared::Put;
use tokio::time::timeout;

use crate::kit::{MINUTE, PATIENCE, append, key, put, until, value};
use crate::stand::{Node, Stand};

/// A value that only this key has, of any size.
fn own(number: u32, random: &mut fastrand::Rng) -> Put {
    let mut value = format!("{number}:").into_bytes();
    value.resize(random.usize(16..4_000), b'x');
    value.extend_from_slice(format!(":{number}").as_bytes());
    put(key(number), value)
}

async fn put_all(node: &Node, puts: &[Put]) {
    let calls = stream::iter(puts).map(|put| node.put(put));
    let done = calls.buffer_unordered(64).collect::<Vec<_>>().await;
    assert!(done.iter().all(Result::is_ok));
}

async fn find_all(node: &Node, puts: &[Put]) {
    let calls = stream::iter(puts).map(async |put| (put, value(node, &put.key).await));
    let mut found = calls.buffer_unordered(64);
    while let Some((put, found)) = found.next().await {
        assert!(found.as_ref() == Some(&put.value), "{}: {found:?}", put.key);
    }
}

pub(crate) async fn ten_thousand_keys_hold_each_its_own_value(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let puts = (0..10_000).map(|number| put(key(number), format!("the value of {number}")));
    let puts = puts.collect::<Vec<_>>();
    put_all(&here, &puts).await;
    find_all(&there, &puts).await;
}

pub(crate) async fn large_values_come_back(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let mut random = fastrand::Rng::with_seed(1);
    let puts = (0..6).map(|number| {
        let mut value = vec![0; 1024 * 1023];
        random.fill(&mut value);
        put(key(number), value)
    });
    let puts = puts.collect::<Vec<_>>();
    put_all(&here, &puts).await;
    for put in &puts {
        let found = value(&there, &put.key).await;
        assert!(found.is_some_and(|found| found == put.value), "{}", put.key);
    }
    let found = join_all(puts.iter().map(|put| value(&here, &put.key))).await;
    assert!(found.iter().flatten().eq(puts.iter().map(|put| &put.value)));
}

pub(crate) async fn gets_that_are_dropped_do_no_harm_to_others(stand: &impl Stand) {
    let node = stand.node().await;
    let mut random = fastrand::Rng::with_seed(2);
    let puts = (0..200).map(|number| own(number, &mut random));
    let puts = puts.collect::<Vec<_>>();
    put_all(&node, &puts).await;
    for _ in 0..5 {
        let limits = puts.iter().map(|put| (put, random.u64(0..1_500)));
        let limits = limits.collect::<Vec<_>>();
        let dropped = join_all(limits.iter().map(async |(put, limit)| {
            let get = value(&node, &put.key);
            match timeout(Duration::from_micros(*limit), get).await {
                Ok(found) => found.as_ref() == Some(&put.value),
                Err(_) => true,
            }
        }));
        let (dropped, ()) = tokio::join!(dropped, find_all(&node, &puts));
        assert!(dropped.iter().all(|is_own| *is_own));
        for put in &puts {
            assert_eq!(value(&node, &put.key).await.as_ref(), Some(&put.value));
        }
    }
}

pub(crate) async fn puts_and_waits_that_are_dropped_do_no_harm_to_others(stand: &impl Stand) {
    let node = stand.node().await;
    let mut random = fastrand::Rng::with_seed(3);
    let puts = (0..200).map(|number| own(number, &mut random));
    let puts = puts.collect::<Vec<_>>();
    let first = append(&*node, "one").await;
    for put in &puts {
        let within = Duration::from_micros(random.u64(0..1_000));
        drop(timeout(within, node.put(put)).await);
        drop(timeout(within, node.read(first, 10, MINUTE)).await);
        drop(timeout(within, node.extent(first)).await);
    }
    // What was dropped was done, or not, but nothing else was.
    for put in &puts {
        let found = value(&node, &put.key).await;
        assert!(found.is_none_or(|found| found == put.value));
    }
    let second = timeout(PATIENCE, append(&*node, "two")).await;
    let second = second.expect("it waits for what was dropped");
    let mut read = Vec::new();
    // A store may need another connection, and has none for a moment.
    until("there is a log again", async || {
        let again = timeout(PATIENCE, node.read(first, 10, Duration::ZERO)).await;
        let again = again.expect("it waits for what was dropped");
        again.is_ok_and(|batch| {
            read = batch.records;
            true
        })
    })
    .await;
    assert_eq!(read, [(second, Bytes::from("two"))]);
    put_all(&node, &puts).await;
    find_all(&node, &puts).await;
}
