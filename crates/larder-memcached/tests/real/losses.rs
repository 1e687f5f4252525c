//! Records and counters that are lost.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{InvalidationLog, LogPosition, StoreErrorKind};
use larder_memcached::MemcachedTier;
use larder_servers::Memcached;

use crate::log::{append, extent, read, texts};
use crate::start;

/// Takes the position of a record, and does not write it: a writer that died in between.
async fn take_position(server: &Memcached) -> LogPosition {
    let reply = server.command("ma larder1:inv v\r\n").await;
    let number = reply
        .lines()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    LogPosition::from_bits(number)
}

#[tokio::test]
async fn a_record_in_the_middle_that_is_lost_is_found_out_by_those_who_have_not_read_it() {
    let Some((server, first)) = start().await else {
        return;
    };
    let (a, b) = (append(&first, "a").await, append(&first, "b").await);
    let (lost, c) = (append(&first, "lost").await, append(&first, "c").await);
    server
        .command(&format!("md larder1:r:{}\r\n", lost.bits()))
        .await;
    let batch = read(&first, a).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec!["b"], true));
    assert!(!batch.reaches_end, "the log has what comes after it");
    let batch = read(&first, b).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec![], false));
    assert!(!extent(&first, b).await.is_anchored);
    let found = extent(&first, c).await;
    assert_eq!((found.oldest, found.is_anchored), (Some(lost), true));
    let batch = read(&first, c).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec![], true));
}

#[tokio::test]
async fn a_writer_that_died_in_between_holds_nobody_up() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let before = append(&tier, "a").await;
    let lost = take_position(&server).await;
    assert!(!read(&tier, before).await.is_anchored);
    let found = extent(&tier, before).await;
    assert_eq!((found.newest, found.is_anchored), (lost, false));
    // From there on it is whole again.
    assert!(extent(&tier, lost).await.is_anchored && read(&tier, lost).await.is_anchored);
    append(&tier, "b").await;
    let batch = read(&tier, lost).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec!["b"], true));
}

/// What it had appended before was taken for all that there was.
#[tokio::test]
async fn what_stands_before_a_record_that_is_never_written_is_not_the_end_of_the_log() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let a = append(&tier, "a").await;
    append(&tier, "b").await;
    take_position(&server).await;
    let c = append(&tier, "c").await;
    let batch = read(&tier, a).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec!["b"], true));
    assert!(!batch.reaches_end);
    // Nor is what a read was limited to; and where nothing is missing, the end is the end.
    let d = append(&tier, "d").await;
    append(&tier, "e").await;
    for (limit, reaches_end) in [(1, false), (2, true), (3, true)] {
        let batch = tier.read(c, limit, Duration::ZERO).await;
        assert_eq!(batch.expect("an answer").reaches_end, reaches_end);
    }
    assert!(!read(&tier, a).await.reaches_end);
    assert!(read(&tier, d).await.reaches_end);
}

#[tokio::test]
async fn a_writer_that_is_slow_is_waited_for() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    let tier = MemcachedTier::builder()
        .add_servers([server.addr().to_string()])
        .gap_wait(Duration::from_secs(20))
        .connect()
        .await
        .expect("a server that runs");
    let before = append(&tier, "a").await;
    let slow = take_position(&server).await;
    let after = append(&tier, "c").await;
    let write = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let record = format!("ms larder1:r:{} 2 ME\r\nrb\r\n", slow.bits());
        assert_eq!(server.command(&record).await, "HD\r\n");
    };
    let (batch, ()) = tokio::join!(read(&tier, before), write);
    assert_eq!((texts(&batch), batch.is_anchored), (vec!["b", "c"], true));
    assert_eq!(batch.records[1].0, after);
}

#[tokio::test]
async fn a_record_whose_place_was_given_up_is_appended_once_more() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let before = append(&tier, "a").await;
    let next = LogPosition::from_bits(before.bits() + 1);
    // Others did not wait for it.
    server
        .command(&format!("ms larder1:r:{} 1\r\n-\r\n", next.bits()))
        .await;
    let at = append(&tier, "b").await;
    assert_eq!(at.bits(), next.bits() + 1);
    let batch = read(&tier, next).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec!["b"], true));
}

#[tokio::test]
async fn a_counter_that_was_evicted_begins_above_all_that_was() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let future = LogPosition::new(2_000_000_000_000, 0);
    let record = Bytes::from_static(b"all");
    let before = tier
        .restart(future, &record)
        .await
        .expect("an answer")
        .expect("it is above");
    server.command("md larder1:inv\r\n").await;
    assert!(!read(&tier, before).await.is_anchored);
    assert_eq!(extent(&tier, before).await.newest, LogPosition::START);
    let at = append(&tier, "b").await;
    assert!(at > before);
    // The record before it is there, and yet there is something between.
    assert!(!read(&tier, before).await.is_anchored);
    // Nobody waits for what was never to be there, nor says that it is lost.
    let next = format!("mg larder1:r:{}\r\n", before.bits() + 1);
    assert_eq!(server.command(&next).await, "EN\r\n");
    let found = extent(&tier, before).await;
    assert_eq!(
        (found.oldest, found.newest, found.is_anchored),
        (Some(at), at, false)
    );
}

#[tokio::test]
async fn a_counter_that_went_back_is_noticed_and_raised() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let positions = [
        append(&tier, "a").await,
        append(&tier, "b").await,
        append(&tier, "c").await,
    ];
    let back = positions[0].bits();
    let digits = back.to_string();
    server
        .command(&format!("ms larder1:inv {}\r\n{digits}\r\n", digits.len()))
        .await;
    assert!(!read(&tier, positions[2]).await.is_anchored);
    assert!(extent(&tier, positions[2]).await.newest < positions[2]);
    let record = Bytes::from_static(b"all");
    let at = tier
        .restart(positions[2], &record)
        .await
        .expect("an answer")
        .expect("it is above");
    assert!(at > positions[2]);
    // One that appends before anybody notices finds records where it wants to write.
    server
        .command(&format!("ms larder1:inv {}\r\n{digits}\r\n", digits.len()))
        .await;
    assert_eq!(
        append(&tier, "d").await,
        LogPosition::from_bits(positions[2].bits() + 1)
    );
}

#[tokio::test]
async fn a_record_that_is_too_long_to_be_read_with_others_is_refused() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let long = Bytes::from(vec![b'x'; (64 << 10) + 1]);
    for error in [
        tier.append(&long).await.expect_err("too long"),
        tier.restart(LogPosition::START, &long)
            .await
            .expect_err("too long"),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused);
    }
    let before = append(&tier, "a").await;
    for _ in 0..300 {
        tier.append(&long.slice(1..)).await.expect("room");
    }
    let batch = tier
        .read(before, 1000, Duration::ZERO)
        .await
        .expect("an answer");
    assert_eq!((batch.records.len(), batch.is_anchored), (300, true));
}

#[tokio::test]
async fn a_counter_that_no_log_can_have_come_to_is_made_anew() {
    let Some((server, tier)) = start().await else {
        return;
    };
    for ruin in ["ruin", "9300000000000000000", "18446744073709551615"] {
        let set = format!("ms larder1:inv {}\r\n{ruin}\r\n", ruin.len());
        server.command(&set).await;
        tier.append(&Bytes::from_static(b"a"))
            .await
            .expect_err("no number");
        assert!(!read(&tier, LogPosition::START).await.is_anchored);
        let record = Bytes::from_static(b"all");
        let at = tier
            .restart(LogPosition::START, &record)
            .await
            .expect("an answer");
        let at = at.expect("it is above");
        assert!(at.millis() < 1 << 42 && append(&tier, "b").await > at);
    }
}
