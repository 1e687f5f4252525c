//! Records have one order, and each reader gets all of them in it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::join_all;
use larder::shared::{Batch, LogPosition};
use tokio::time::{Instant, timeout};

use crate::kit::{MINUTE, PATIENCE, append, key, put, records, until, value};
use crate::stand::{Node, Stand};

const START: LogPosition = LogPosition::START;
const TICK: Duration = Duration::from_millis(20);

pub(crate) async fn a_new_log_is_empty(stand: &impl Stand) {
    let node = stand.node().await;
    let extent = node.extent(START).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, START));
    let batch = node.read(START, 10, Duration::ZERO).await.unwrap();
    assert_eq!(batch.records, []);
}

pub(crate) async fn records_are_read_by_all_nodes_in_the_order_of_their_positions(
    stand: &impl Stand,
) {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(stand.node().await);
    }
    let write = async |node: &Node, name: usize| {
        let mut own = Vec::new();
        for count in 0..50 {
            let record = Bytes::from(format!("{name}:{count}"));
            own.push((node.append(&record).await.unwrap(), record));
        }
        own
    };
    let writes = nodes.iter().enumerate();
    let written = join_all(writes.map(|(name, node)| write(node, name))).await;
    for own in &written {
        assert!(own.is_sorted_by(|a, b| a.0 < b.0), "{own:?}");
    }
    let mut written = written.concat();
    written.sort();
    assert!(
        written.is_sorted_by(|a, b| a.0 < b.0),
        "two at one position"
    );
    for node in &nodes {
        assert_eq!(records(node, START, 200).await, written);
    }
    let extent = nodes[0].extent(written[7].0).await.unwrap();
    assert_eq!(extent.oldest, Some(written[0].0));
    assert_eq!(extent.newest, written[199].0);
}

pub(crate) async fn records_come_back_byte_for_byte(stand: &impl Stand) {
    let node = stand.node().await;
    let all = (0..=u8::MAX).collect::<Vec<_>>();
    let written = [
        &all[..],
        b"\r\nEND\r\n",
        b" ",
        b"\0",
        b"$-1\r\n",
        &[b'x'; 60_000],
    ];
    for record in written {
        node.append(&Bytes::copy_from_slice(record)).await.unwrap();
    }
    let read = records(&node, START, written.len()).await;
    let read = read.iter().map(|(_, record)| &record[..]);
    assert!(read.eq(written));
}

pub(crate) async fn a_read_begins_after_its_position(stand: &impl Stand) {
    let node = stand.node().await;
    let first = append(&*node, "one").await;
    append(&*node, "two").await;
    let third = append(&*node, "three").await;
    for (after, rest) in [
        (START, &["one", "two", "three"][..]),
        (
            LogPosition::from_bits(first.bits() - 1),
            &["one", "two", "three"],
        ),
        (first, &["two", "three"]),
        (LogPosition::from_bits(third.bits() - 1), &["three"]),
        (third, &[]),
    ] {
        let batch = node.read(after, 10, Duration::ZERO).await.unwrap();
        let read = batch.records.iter().map(|(_, record)| &record[..]);
        let rest = rest.iter().map(|text| text.as_bytes());
        assert!(read.eq(rest), "after {after}: {batch:?}");
    }
}

pub(crate) async fn a_read_ends_at_its_limit_and_goes_on_from_there(stand: &impl Stand) {
    let node = stand.node().await;
    let mut written = Vec::new();
    for number in 0..40 {
        let record = Bytes::from(number.to_string());
        written.push((node.append(&record).await.unwrap(), record));
    }
    let (mut read, mut after) = (Vec::new(), START);
    loop {
        let batch = node.read(after, 7, Duration::ZERO).await.unwrap();
        assert!(batch.records.len() <= 7, "{batch:?}");
        assert!(after == START || batch.is_anchored, "{batch:?}");
        let Some((last, _)) = batch.records.last() else {
            assert!(batch.reaches_end, "{batch:?}");
            break;
        };
        let is_end = *last == written[39].0;
        assert_eq!(batch.reaches_end, is_end, "{batch:?}");
        after = *last;
        read.extend(batch.records);
    }
    assert_eq!(read, written);
}

pub(crate) async fn what_is_appended_after_an_append_returned_comes_later(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let mut last = START;
    for _ in 0..25 {
        for node in [&here, &there] {
            let position = append(&**node, "a purge").await;
            assert!(position > last, "{position} after {last}");
            last = position;
            // What was appended is there to be read.
            let extent = here.extent(position).await.unwrap();
            assert!(
                extent.newest == position && extent.is_anchored,
                "{extent:?}"
            );
        }
    }
}

pub(crate) async fn a_read_that_waits_is_woken_by_an_append<S: Stand>(stand: &S) {
    let (here, there) = (stand.node().await, stand.node().await);
    let last = append(&*there, "one").await;
    let reader = tokio::spawn({
        let here = here.clone();
        async move { read_on(&here, last).await }
    });
    // It is on its way, or not; either way it gets what comes.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let next = append(&*there, "two").await;
    let (batch, is_first) = reader.await.unwrap();
    assert_eq!(batch.records, [(next, Bytes::from("two"))]);
    assert!(batch.is_anchored);
    assert!(is_first || !S::LIMITS.waits, "it came back with nothing");
}

/// Reads until there is something, and says whether the first read brought it.
async fn read_on(node: &Node, after: LogPosition) -> (Batch, bool) {
    let mut is_first = true;
    loop {
        let read = node.read(after, 10, 10 * MINUTE);
        let batch = timeout(PATIENCE, read)
            .await
            .expect("nobody woke it")
            .unwrap();
        if !batch.records.is_empty() {
            return (batch, is_first);
        }
        tokio::time::sleep(node.poll_every().unwrap_or(TICK)).await;
        is_first = false;
    }
}

pub(crate) async fn a_read_that_finds_nothing_waits_as_long_as_it_may<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let last = append(&*node, "one").await;
    let wait = Duration::from_millis(300);
    let began = Instant::now();
    let read = timeout(PATIENCE, node.read(last, 10, wait));
    let batch = read.await.expect("it waits too long").unwrap();
    assert_eq!(batch.records, []);
    assert!(batch.is_anchored);
    assert_eq!(node.poll_every().is_none(), S::LIMITS.waits);
    // A server's clock may tick slowly.
    assert!(
        !S::LIMITS.waits || began.elapsed() > wait / 2,
        "{:?}",
        began.elapsed()
    );
}

pub(crate) async fn reads_that_wait_hold_nobody_up(stand: &impl Stand) {
    let node = stand.node().await;
    let last = append(&*node, "one").await;
    let reader = tokio::spawn({
        let node = node.clone();
        async move { read_on(&node, last).await }
    });
    let others = async {
        for number in 0..100 {
            node.put(&put(key(number), "a value")).await.unwrap();
            assert_eq!(value(&node, &key(number)).await.unwrap(), "a value");
        }
        node.extent(last).await.unwrap()
    };
    let extent = timeout(PATIENCE, others)
        .await
        .expect("they wait for the read");
    assert!(extent.is_anchored);
    let next = timeout(PATIENCE, append(&*node, "two")).await;
    let next = next.expect("an append waits for the read");
    assert_eq!(reader.await.unwrap().0.records[0].0, next);
}

pub(crate) async fn a_log_begins_at_the_time_of_the_store_and_may_follow_it<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let before = millis(node.extent(START).await.unwrap().now);
    let first = append(&*node, "one").await;
    let mut last = first;
    if S::LIMITS.positions_are_times {
        until("the clock moves", async || {
            last = append(&*node, "more").await;
            last.millis() > first.millis() + 20
        })
        .await;
    }
    let after = millis(node.extent(last).await.unwrap().now);
    assert!(before <= first.millis(), "{before} {first}");
    assert!(last.millis() <= after, "{last} {after}");
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
