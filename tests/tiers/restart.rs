//! A log that lost its memory is begun anew above all that anybody may have seen.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::join_all;
use larder::shared::LogPosition;

use crate::kit::{append, records};
use crate::stand::{Node, Stand};

const START: LogPosition = LogPosition::START;

async fn restart(node: &Node, above: LogPosition) -> Option<LogPosition> {
    node.restart(above, &Bytes::from("everything"))
        .await
        .unwrap()
}

/// The store's time, in milliseconds.
async fn now(node: &Node) -> u64 {
    let now = node.extent(START).await.unwrap().now;
    let since = now.duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

pub(crate) async fn a_new_log_begins_at_the_present_time(stand: &impl Stand) {
    let node = stand.node().await;
    let before = now(&node).await;
    let position = restart(&node, START).await.expect("there was nothing");
    assert!(before <= position.millis() && position.millis() <= now(&node).await);
    let extent = node.extent(position).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (Some(position), position));
    assert!(extent.is_anchored);
    let next = append(&*node, "a purge").await;
    let all = [(position, "everything".into()), (next, "a purge".into())];
    assert_eq!(records(&node, START, 2).await, all);
}

pub(crate) async fn what_comes_after_a_restart_is_above_it_though_it_is_ahead_of_the_clock(
    stand: &impl Stand,
) {
    let (here, there) = (stand.node().await, stand.node().await);
    let first = append(&*here, "one").await;
    // Somebody has read that from a log that had a faster clock, twice: with a count that is full.
    for above in [
        LogPosition::new(now(&here).await + 3_600_000, 7),
        LogPosition::new(now(&here).await + 7_200_000, u64::MAX),
    ] {
        let position = restart(&here, above).await.expect("nothing was above");
        assert!(position > above, "{position} above {above}");
        let next = append(&*there, "a purge").await;
        assert!(next > position, "{next} after {position}");
        let read = there.read(position, 10, Duration::ZERO).await.unwrap();
        assert_eq!(read.records, [(next, Bytes::from("a purge"))]);
        assert!(read.is_anchored);
    }
    // A log may be taken for another one after such a leap, which forgets what was before.
    let (mut all, mut after) = (Vec::new(), START);
    loop {
        let batch = there.read(after, 10, Duration::ZERO).await.unwrap();
        let Some((last, _)) = batch.records.last() else {
            break;
        };
        after = *last;
        all.extend(batch.records);
    }
    assert!(all.is_sorted_by(|a, b| a.0 < b.0), "{all:?}");
    assert!(
        all.len() >= 2 && all.iter().all(|(at, _)| *at >= first),
        "{all:?}"
    );
    assert_eq!(all[all.len() - 1].1, "a purge");
}

pub(crate) async fn a_log_that_has_gone_on_is_not_restarted(stand: &impl Stand) {
    let node = stand.node().await;
    let first = append(&*node, "one").await;
    let last = append(&*node, "two").await;
    for above in [START, first, LogPosition::from_bits(last.bits() - 1)] {
        assert_eq!(restart(&node, above).await, None, "{above}");
    }
    let extent = node.extent(last).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (Some(first), last));
    assert!(restart(&node, last).await.expect("nothing was above") > last);
}

pub(crate) async fn of_restarts_at_once_one_wins(stand: &impl Stand) {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(stand.node().await);
    }
    let mut above = START;
    for _ in 0..5 {
        let calls = nodes.iter().chain(&nodes).map(|node| restart(node, above));
        let became = join_all(calls).await;
        let mut won = became.iter().flatten();
        let (Some(position), None) = (won.next(), won.next()) else {
            panic!("{became:?}");
        };
        assert!(*position > above, "{position} above {above}");
        let extent = nodes[0].extent(*position).await.unwrap();
        assert!(
            extent.is_anchored && extent.newest == *position,
            "{extent:?}"
        );
        above = LogPosition::new(position.millis() + 1_000, 0);
    }
}

pub(crate) async fn a_deleted_log_goes_on_above_what_was_read(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let ahead = LogPosition::new(now(&here).await + 3_600_000, 0);
    let last = restart(&here, ahead).await.expect("nothing was above");
    stand.forget_log().await;
    // By itself it would begin at the time of its clock, which is before.
    let position = restart(&there, last).await.expect("there was nothing");
    assert!(position > last, "{position} above {last}");
    assert!(append(&*here, "a purge").await > position);
    assert!(!here.extent(last).await.unwrap().is_anchored);
    assert_eq!(restart(&here, last).await, None);
}
