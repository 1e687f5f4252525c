//! Values.

use std::time::Duration;

use larder::shared::{EntryStore, Found, Leased, Put, StoreErrorKind, Wish};
use larder_memcached::MemcachedTier;
use larder_servers::Memcached;

use crate::{frame, key, put, start};

async fn read(tier: &MemcachedTier, key: larder::shared::EntryKey) -> Found {
    tier.get(&key, Wish::Read).await.expect("an answer")
}

#[tokio::test]
async fn what_is_put_is_read_and_what_is_removed_is_not() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    assert!(read(&tier, key(1)).await.primary.is_none());
    tier.put(&put(key(1), 1, "one")).await.expect("room");
    tier.put(&put(key(2), 1, "two")).await.expect("room");
    let found = read(&tier, key(1)).await;
    assert_eq!(found.primary, Some(frame(1, "one")));
    assert_eq!((found.variant, found.leased), (None, Leased::No));
    tier.remove(&key(1)).await.expect("an answer");
    assert!(read(&tier, key(1)).await.primary.is_none());
    assert_eq!(read(&tier, key(2)).await.primary, Some(frame(1, "two")));
}

#[tokio::test]
async fn what_is_born_later_stays_and_what_is_born_earlier_is_replaced() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    tier.put(&put(key(1), 5, "five")).await.expect("room");
    tier.put(&put(key(1), 4, "four")).await.expect("no error");
    assert_eq!(read(&tier, key(1)).await.primary, Some(frame(5, "five")));
    tier.put(&put(key(1), 5, "five again")).await.expect("room");
    assert_eq!(
        read(&tier, key(1)).await.primary,
        Some(frame(5, "five again"))
    );
    tier.put(&put(key(1), 6, "six")).await.expect("room");
    assert_eq!(read(&tier, key(1)).await.primary, Some(frame(6, "six")));
}

#[tokio::test]
async fn of_many_that_write_at_once_the_one_born_last_stays() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let other = crate::tier(&server).await;
    for round in 0..10 {
        let key = key(round);
        // First those that were born in the middle.
        let births = (0..50).map(|number| (number * 17 + 25) % 50);
        let mut writing = tokio::task::JoinSet::new();
        for (born, tier) in births.zip([tier.clone(), other.clone()].into_iter().cycle()) {
            let put = put(key, born, "x");
            writing.spawn(async move { tier.put(&put).await });
        }
        for done in writing.join_all().await {
            done.expect("no error");
        }
        assert_eq!(read(&tier, key).await.primary, Some(frame(49, "x")));
    }
}

#[tokio::test]
async fn a_variant_stands_beside_its_rule_and_goes_by_itself() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let (german, french) = (key(1).with_variant([1; 16]), key(1).with_variant([2; 16]));
    let variant = |key, text| Put {
        rule: Some(frame(1, "rule")),
        ..put(key, 1, text)
    };
    tier.put(&variant(german, "Brot")).await.expect("room");
    tier.put(&variant(french, "pain")).await.expect("room");
    let found = read(&tier, german).await;
    assert_eq!(found.primary, Some(frame(1, "rule")));
    assert_eq!(found.variant, Some(frame(1, "Brot")));
    tier.remove(&german).await.expect("an answer");
    let (gone, other) = (read(&tier, german).await, read(&tier, french).await);
    assert_eq!((gone.primary.is_some(), gone.variant), (true, None));
    assert_eq!(other.variant, Some(frame(1, "pain")));
    tier.remove(&key(1)).await.expect("an answer");
    assert!(read(&tier, french).await.primary.is_none());
}

#[tokio::test]
async fn a_rule_lasts_as_long_as_the_longest_of_its_variants() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let cases = [
        (1, 500, 500, "rule"),
        (2, 100, 500, "rule"),
        (3, 900, 900, "rule"),
        (4, 50, 900, "another rule"),
    ];
    for (variant, seconds, left, rule) in cases {
        let put = Put {
            rule: Some(frame(1, rule)),
            keep: Duration::from_secs(seconds),
            ..put(key(1).with_variant([variant; 16]), 1, "body")
        };
        tier.put(&put).await.expect("room");
        let name = format!("larder1:e:{}", key(1));
        let reply = server.command(&format!("mg {name} t\r\n")).await;
        let seconds = reply
            .trim()
            .strip_prefix("HD t")
            .expect("a rule")
            .parse::<u64>();
        let seconds = seconds.expect("seconds");
        assert!(
            (left - 10..=left + 1).contains(&seconds),
            "{seconds} of {left}"
        );
    }
}

#[tokio::test]
async fn what_is_kept_for_months_is_there_and_expires() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let put = Put {
        keep: days(90),
        ..put(key(1), 1, "body")
    };
    tier.put(&put).await.expect("room");
    assert!(read(&tier, key(1)).await.primary.is_some());
    let reply = server
        .command(&format!("mg larder1:e:{} t\r\n", key(1)))
        .await;
    let seconds: u64 = reply
        .trim()
        .strip_prefix("HD t")
        .expect("it")
        .parse()
        .expect("seconds");
    assert!(seconds.abs_diff(days(90).as_secs()) < 60, "{seconds}");
}

#[tokio::test]
async fn a_value_larger_than_an_item_is_refused_and_all_else_goes_on() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    for size in [1 << 20, (1 << 20) - 100, 3 << 20] {
        let large = put(key(1), 1, &"x".repeat(size));
        let error = tier.put(&large).await.expect_err("too large");
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
        tier.put(&put(key(2), 1, "small")).await.expect("room");
    }
    let text = "y".repeat(900 << 10);
    tier.put(&put(key(3), 1, &text)).await.expect("room");
    assert_eq!(read(&tier, key(3)).await.primary, Some(frame(1, &text)));
}

#[tokio::test]
async fn a_server_that_stores_larger_items_gets_them() {
    let options = Memcached::options().argument("-I").argument("4m");
    let Some(server) = options.start_or_skip().await else {
        return;
    };
    let tier = crate::tier(&server).await;
    let text = "x".repeat(3 << 20);
    tier.put(&put(key(1), 1, &text)).await.expect("room");
    assert_eq!(read(&tier, key(1)).await.primary, Some(frame(1, &text)));
}

#[tokio::test]
async fn values_of_all_sizes_come_back_as_they_were() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    for size in [
        0, 1, 8174, 8175, 8176, 16_366, 16_367, 16_368, 32_768, 70_000, 500_000,
    ] {
        let text = "z\r\nHD ".repeat(size / 6 + 1);
        tier.put(&put(key(1), 1, &text)).await.expect("room");
        assert_eq!(
            read(&tier, key(1)).await.primary,
            Some(frame(1, &text)),
            "{size}"
        );
    }
}

#[tokio::test]
async fn calls_that_are_dropped_leave_no_answer_to_others() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    for number in 0..8 {
        let text = number.to_string().repeat(1000 * usize::from(number));
        tier.put(&put(key(number), 1, &text)).await.expect("room");
    }
    for round in 0..2000_u32 {
        let number = u8::try_from(round % 8).expect("small");
        let (given_up, asked) = (key((number + 1) % 8), key(number));
        let mut dropped = tier.get(&given_up, Wish::Read);
        // It is sent, and nobody waits for it.
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(
                dropped.as_mut().poll(context).is_pending()
            ))
            .await
        );
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        drop(dropped);
        let text = number.to_string().repeat(1000 * usize::from(number));
        assert_eq!(read(&tier, asked).await.primary, Some(frame(1, &text)));
    }
}
