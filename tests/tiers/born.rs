//! Of two values the one that was born later stays.

use futures_util::future::join_all;
use larder::shared::{LogPosition, Put};

use crate::kit::{at, frame, key, put, put_born, value, variant};
use crate::stand::Stand;

pub(crate) async fn a_value_that_was_born_earlier_does_not_replace_a_later_one(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    for key in [key(1), variant(2, 1)] {
        let later = put_born(key, at(9), "later");
        here.put(&later).await.unwrap();
        there.put(&put_born(key, at(8), "earlier")).await.unwrap();
        assert_eq!(value(&here, &key).await.unwrap(), later.value);
        let last = put_born(key, at(10), "last");
        there.put(&last).await.unwrap();
        assert_eq!(value(&here, &key).await.unwrap(), last.value);
    }
}

pub(crate) async fn a_value_that_was_born_at_the_same_position_replaces_the_first(
    stand: &impl Stand,
) {
    let node = stand.node().await;
    node.put(&put_born(key(1), at(9), "first")).await.unwrap();
    let second = put_born(key(1), at(9), "second");
    node.put(&second).await.unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), second.value);
}

pub(crate) async fn births_are_compared_as_numbers_over_all_their_bits(stand: &impl Stand) {
    let node = stand.node().await;
    let far = 1 << 63;
    let pairs = [
        (0x0100, 0x00ff),
        (0x80, 0x7f),
        (1 << 32, u64::from(u32::MAX)),
        (1 << 31, (1 << 31) - 1),
        // Beyond what a double tells apart, and what a signed number holds.
        ((1 << 53) + 2, (1 << 53) + 1),
        (far, far - 1),
        (u64::MAX, u64::MAX - 1),
        (far + 1, far),
        (1, 0),
    ];
    for (number, (later, earlier)) in (0..).zip(pairs) {
        let (later, earlier) = (
            LogPosition::from_bits(later),
            LogPosition::from_bits(earlier),
        );
        let standing = put_born(key(number), later, "later");
        node.put(&put_born(key(number), earlier, "earlier"))
            .await
            .unwrap();
        node.put(&standing).await.unwrap();
        node.put(&put_born(key(number), earlier, "earlier again"))
            .await
            .unwrap();
        let value = value(&node, &key(number)).await.unwrap();
        assert_eq!(value, standing.value, "{later} and {earlier}");
    }
}

pub(crate) async fn what_is_no_frame_is_replaced(stand: &impl Stand) {
    let node = stand.node().await;
    let hostile = ["x", "ld", "ld-too-short-15", "xx\u{1}\0aaaazzzzzzzzz"];
    for (number, bytes) in (0..).zip(hostile) {
        node.put(&put(key(number), bytes)).await.unwrap();
        let put = put_born(key(number), at(1), "a frame");
        node.put(&put).await.unwrap();
        assert_eq!(value(&node, &key(number)).await.unwrap(), put.value);
    }
}

/// On Memcached others make such items to reserve a place, and nothing took it until they expired.
pub(crate) async fn an_empty_value_kept_its_key_from_being_stored(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    for key in [key(1), variant(2, 1)] {
        here.put(&put(key, "")).await.unwrap();
        let put = put_born(key, at(1), "a frame");
        there.put(&put).await.unwrap();
        assert_eq!(value(&here, &key).await.unwrap(), put.value);
    }
    let (plain, variant) = (key(3), variant(3, 1));
    here.put(&put(plain, "")).await.unwrap();
    let put = Put {
        rule: Some(frame(at(1), "a rule")),
        ..put_born(variant, at(1), "a variant")
    };
    there.put(&put).await.unwrap();
    assert_eq!(value(&here, &plain).await, put.rule);
}

pub(crate) async fn of_puts_at_once_the_one_that_was_born_last_stays<S: Stand>(stand: &S) {
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(stand.node().await);
    }
    let births = 1..=u64::try_from(S::LIMITS.puts_at_once).unwrap();
    let mut births = births.map(at).collect::<Vec<_>>();
    let last = births[births.len() - 1];
    for round in 0..10 {
        fastrand::Rng::with_seed(round).shuffle(&mut births);
        let key = key(u32::try_from(round).unwrap());
        let puts = births
            .iter()
            .map(|born| put_born(key, *born, "one of many"));
        let puts: Vec<Put> = puts.collect();
        let calls = puts.iter().zip(nodes.iter().cycle());
        let done = join_all(calls.map(|(put, node)| node.put(put))).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        let last = put_born(key, last, "one of many");
        assert_eq!(value(&nodes[0], &key).await.unwrap(), last.value);
    }
}
