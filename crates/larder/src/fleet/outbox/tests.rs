use std::time::Duration;

use super::lane::REMEMBERED;
use super::*;
use crate::fleet::record::Record;
use crate::stamps::Named;

const NODE: NodeId = NodeId::from_bits(7);

fn named(names: std::ops::Range<u64>) -> Purged {
    Purged::Named(names.map(Named::One).collect())
}

fn at(millis: u64) -> LogPosition {
    LogPosition::new(millis, 0)
}

fn sent(outbox: &Outbox) -> Vec<Record> {
    send(outbox, 1)
}

/// Appends all that waits, the first at this position.
fn send(outbox: &Outbox, mut place: u64) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(sending) = outbox.next() {
        records.push(Record::decode(&sending.record).unwrap());
        outbox.appended(sending, at(place));
        place += 1;
    }
    records
}

#[tokio::test(start_paused = true)]
async fn purges_that_wait_are_appended_together_and_each_manner_by_itself() {
    let outbox = Outbox::new(NODE, 1000);
    outbox.push(1, named(1..3), Manner::Hard);
    outbox.push(1, named(5..6), Manner::Soft(90));
    outbox.push(2, named(3..4), Manner::Hard);
    outbox.push(2, named(6..7), Manner::Soft(80));
    let records = sent(&outbox);
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].upto, &records[0].what), (2, &named(1..4)));
    assert_eq!((records[1].upto, &records[1].what), (2, &named(5..7)));
    assert_eq!(records[1].manner, Manner::Soft(80));
    let acknowledged = *outbox.acknowledged().borrow();
    assert_eq!(acknowledged.map(|lane| lane.upto), [2, 2]);
}

#[tokio::test(start_paused = true)]
async fn more_than_may_wait_becomes_a_purge_of_everything() {
    let outbox = Outbox::new(NODE, 10);
    for number in 1..=100 {
        outbox.push(number, named(number..number + 1), Manner::Hard);
    }
    let records = sent(&outbox);
    assert_eq!(records[0].what, Purged::Everything);
    assert_eq!(records.last().unwrap().upto, 100);
    let names: usize = records.iter().map(|record| named_in(&record.what)).sum();
    assert!(names <= 11, "{names}");
}

fn uptos(sent: &[Record]) -> Vec<u64> {
    sent.iter().map(|sent| sent.upto).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_log_told_of_lately_or_never_is_sent_again() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    send(&outbox, 10);
    outbox.push(2, named(2..3), Manner::Hard);
    send(&outbox, 20);
    outbox.told(HARD, at(10));
    outbox.send_again();
    assert_eq!(uptos(&send(&outbox, 30)), [1, 2]);
    outbox.told(HARD, at(30));
    tokio::time::advance(REMEMBERED).await;
    outbox.heard(Instant::now());
    outbox.send_again();
    assert_eq!(uptos(&send(&outbox, 40)), [2]);
}

/// It was forgotten after a while, though nothing was heard of the log for as long.
#[tokio::test(start_paused = true)]
async fn what_the_log_told_of_before_it_fell_silent_is_sent_again_however_long_that_takes() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    send(&outbox, 10);
    outbox.told(HARD, at(10));
    outbox.heard(Instant::now());
    tokio::time::advance(100 * REMEMBERED).await;
    outbox.send_again();
    assert_eq!(uptos(&send(&outbox, 20)), [1]);
}

/// A log may lose its end without a connection being lost: such a record was waited for for ever.
#[tokio::test(start_paused = true)]
async fn what_the_log_has_and_does_not_tell_of_is_appended_again() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    send(&outbox, 10);
    // This read may have begun before the record was there.
    outbox.heard(Instant::now());
    assert_eq!(uptos(&send(&outbox, 20)), []);
    tokio::time::advance(Duration::from_millis(1)).await;
    outbox.heard(Instant::now());
    assert_eq!(uptos(&send(&outbox, 20)), [1]);
}

/// All before it counted as told, too.
#[tokio::test(start_paused = true)]
async fn a_lost_record_is_appended_again_though_the_log_tells_of_a_later_one() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    send(&outbox, 10);
    outbox.push(2, named(2..3), Manner::Hard);
    send(&outbox, 20);
    outbox.told(HARD, at(20));
    tokio::time::advance(Duration::from_millis(1)).await;
    outbox.heard(Instant::now());
    assert_eq!(uptos(&send(&outbox, 30)), [1]);
}

/// It counted as told, for the log had told of it before it broke.
#[tokio::test(start_paused = true)]
async fn what_is_answered_after_the_log_broke_is_appended_again() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    let sending = outbox.next().unwrap();
    outbox.told(HARD, at(10));
    outbox.send_again();
    outbox.appended(sending, at(10));
    assert_eq!(uptos(&send(&outbox, 20)), [1]);
    assert_eq!(uptos(&send(&outbox, 30)), []);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_tells_of_before_it_answers_is_not_lost() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    let sending = outbox.next().unwrap();
    outbox.told(HARD, at(10));
    outbox.appended(sending, at(10));
    tokio::time::advance(Duration::from_millis(1)).await;
    outbox.heard(Instant::now());
    assert_eq!(uptos(&send(&outbox, 20)), []);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_took_and_does_not_tell_of_is_not_kept_without_end() {
    let outbox = Outbox::new(NODE, 10);
    for number in 1..=100 {
        outbox.push(
            number,
            named(number..number + 1),
            Manner::Soft(500 - number),
        );
        assert_eq!(sent(&outbox).len(), 1);
    }
    assert!(lock(&outbox.lanes)[SOFT].sent.len() <= 11);
    outbox.send_again();
    let again = sent(&outbox);
    assert_eq!(again[0].what, Purged::Everything);
    assert!(matches!(again[0].manner, Manner::Soft(since) if since <= 410));
    assert_eq!(again.last().unwrap().upto, 100);
}

/// It told of no more than the one that was appended last, which may have been made first.
#[tokio::test(start_paused = true)]
async fn a_purge_of_everything_stands_for_all_that_it_was_made_of() {
    let outbox = Outbox::new(NODE, 2);
    outbox.push(1, named(1..3), Manner::Hard);
    send(&outbox, 10);
    tokio::time::advance(Duration::from_millis(1)).await;
    outbox.push(2, named(3..4), Manner::Hard);
    let second = outbox.next().unwrap();
    outbox.heard(Instant::now());
    outbox.appended(second, at(20));
    assert_eq!(uptos(&send(&outbox, 30)), [1]);
    outbox.send_again();
    let all = send(&outbox, 40);
    assert_eq!((&all[0].what, all[0].upto), (&Purged::Everything, 2));
}

#[tokio::test(start_paused = true)]
async fn what_the_log_did_not_take_is_first_again() {
    let outbox = Outbox::new(NODE, 100);
    outbox.push(1, named(1..2), Manner::Hard);
    let first = outbox.next().unwrap();
    outbox.push(2, named(2..3), Manner::Hard);
    outbox.put_back(first);
    assert_eq!(
        sent(&outbox)
            .iter()
            .map(|sent| sent.upto)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}
