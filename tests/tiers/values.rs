//! Values come back as they were stored, for as long as they are kept.

use std::time::Duration;

use futures_util::future::join_all;
use larder::shared::{Leased, LogPosition, Put, Wish};

use crate::kit::{MINUTE, at, find, key, lease, leased, put, put_born, until, value, variant};
use crate::stand::Stand;

pub(crate) async fn whoever_has_connected_can_reach_all_keys(stand: &impl Stand) {
    let come = (0..40).map(async |_| {
        let node = stand.node().await;
        let found = (0..10).map(async |number| value(&node, &key(number)).await);
        join_all(found).await
    });
    let found = join_all(come).await;
    assert!(found.concat().iter().all(Option::is_none));
}

pub(crate) async fn a_value_comes_back_to_all_nodes_byte_for_byte(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let stored = put_born(key(1), at(5), "a response");
    here.put(&stored).await.unwrap();
    assert_eq!(value(&here, &key(1)).await.unwrap(), stored.value);
    assert_eq!(value(&there, &key(1)).await.unwrap(), stored.value);
}

pub(crate) async fn bytes_that_look_like_a_protocol_come_back(stand: &impl Stand) {
    let node = stand.node().await;
    let all = (0..=u8::MAX).cycle().skip(7).take(1000).collect::<Vec<_>>();
    let values = [
        all.as_slice(),
        b" ",
        b"\0",
        b"\r\n",
        b"\r\nEN\r\nEND\r\nVA 3\r\nabc\r\n",
        b"$-1\r\n*2\r\n+OK\r\n",
        b"ends in blanks  \r\n",
        b"-",
    ];
    for (number, bytes) in (0..).zip(values) {
        node.put(&put(key(number), bytes.to_vec())).await.unwrap();
    }
    for (number, bytes) in (0..).zip(values) {
        assert_eq!(value(&node, &key(number)).await.unwrap(), bytes);
    }
}

pub(crate) async fn what_was_never_stored_is_absent(stand: &impl Stand) {
    let node = stand.node().await;
    node.put(&put(key(1), "another")).await.unwrap();
    for absent in [key(2), variant(1, 1), variant(2, 1)] {
        assert_eq!(value(&node, &absent).await, None);
    }
    assert_eq!(
        find(&node, &variant(1, 1)).await.primary.unwrap(),
        "another"
    );
}

pub(crate) async fn a_value_is_kept_as_long_as_it_says_and_no_longer<S: Stand>(stand: &S) {
    let node = stand.node().await;
    node.put(&put(key(1), "long")).await.unwrap();
    let keep = S::LIMITS.tick;
    node.put(&Put {
        keep,
        ..put(key(2), "short")
    })
    .await
    .unwrap();
    node.put(&Put {
        keep,
        ..put(variant(1, 1), "short")
    })
    .await
    .unwrap();
    until("what is kept shortly is gone", async || {
        value(&node, &key(2)).await.is_none() && value(&node, &variant(1, 1)).await.is_none()
    })
    .await;
    assert_eq!(value(&node, &key(1)).await.unwrap(), "long");
    let lease = lease(1);
    let found = node.get(&key(2), Wish::ReadOrLease(&lease)).await.unwrap();
    assert_eq!(found.leased, Leased::Won);
}

pub(crate) async fn a_value_may_be_kept_for_years(stand: &impl Stand) {
    let node = stand.node().await;
    let day = Duration::from_secs(24 * 3600);
    // 30 days are a limit of memcached's, 2^31 seconds one of many.
    let keeps = [30 * day, 31 * day, 3650 * day, 25_000 * day, Duration::MAX];
    for (number, keep) in (0..).zip(keeps) {
        let value = format!("for {keep:?}");
        node.put(&Put {
            keep,
            ..put(key(number), value)
        })
        .await
        .unwrap();
    }
    for (number, keep) in (0..).zip(keeps) {
        let value = value(&node, &key(number)).await;
        assert_eq!(value.unwrap(), format!("for {keep:?}"));
    }
}

pub(crate) async fn a_later_value_replaces_an_earlier_one<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let keep = S::LIMITS.tick;
    node.put(&Put {
        keep,
        ..put(key(1), "first")
    })
    .await
    .unwrap();
    node.put(&put(key(1), "second")).await.unwrap();
    node.put(&Put {
        keep,
        ..put(key(2), "a clock")
    })
    .await
    .unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), "second");
    until("what was kept shortly is gone", async || {
        value(&node, &key(2)).await.is_none()
    })
    .await;
    assert_eq!(value(&node, &key(1)).await.unwrap(), "second");
    let keep = MINUTE;
    node.put(&Put {
        keep,
        ..put(key(1), "third")
    })
    .await
    .unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), "third");
}

pub(crate) async fn what_is_discarded_is_what_was_born_there_and_nothing_else(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    for key in [key(1), variant(2, 1)] {
        for far in [at(5), LogPosition::from_bits(u64::MAX)] {
            let first = put_born(key, far, "first");
            here.put(&first).await.unwrap();
            for other in [LogPosition::START, at(4), at(6)] {
                there.discard(&key, other).await.unwrap();
            }
            assert_eq!(value(&here, &key).await.unwrap(), first.value);
            there.discard(&key, far).await.unwrap();
            assert_eq!(value(&here, &key).await, None);
            there.discard(&key, far).await.unwrap();
        }
        // What is no frame was born nowhere.
        here.put(&put(key, "no frame, and longer than sixteen"))
            .await
            .unwrap();
        there.discard(&key, LogPosition::START).await.unwrap();
        assert!(value(&here, &key).await.is_some());
    }
}

pub(crate) async fn who_fills_while_something_is_discarded_stores_what_he_fetched(
    stand: &impl Stand,
) {
    let (here, there) = (stand.node().await, stand.node().await);
    let far = LogPosition::from_bits(u64::MAX);
    here.put(&put_born(key(1), far, "garbage")).await.unwrap();
    let lease = lease(1);
    let won = leased(&here, &key(1), Wish::Lease(&lease)).await;
    assert_eq!(won, Leased::Won);
    there.discard(&key(1), far).await.unwrap();
    let fetched = Put {
        lease: Some(lease.token),
        ..put_born(key(1), at(5), "fetched")
    };
    here.put(&fetched).await.unwrap();
    assert_eq!(value(&there, &key(1)).await.unwrap(), fetched.value);
}

pub(crate) async fn a_removed_value_is_absent_and_may_be_stored_again(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let first = put_born(key(1), at(5), "first");
    here.put(&first).await.unwrap();
    here.put(&put(key(2), "another")).await.unwrap();
    there.remove(&key(1)).await.unwrap();
    assert_eq!(value(&here, &key(1)).await, None);
    assert_eq!(value(&here, &key(2)).await.unwrap(), "another");
    there.remove(&key(1)).await.unwrap();
    here.put(&first).await.unwrap();
    assert_eq!(value(&there, &key(1)).await.unwrap(), first.value);
}
