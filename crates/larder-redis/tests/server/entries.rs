use std::time::Duration;

use larder::shared::{
    EntryStore, InvalidationLog, Leased, LogPosition, NodeId, Outcome, StoreErrorKind, Wish,
};
use larder_redis::RedisTier;
use larder_servers::Redis;

use crate::support::{
    MINUTE, ask, at, frame, key, kind_of_get, lease, name, put, read, tier, tier_on, token,
};

/// Everything once, on a tier that has nothing.
pub(crate) async fn everything(tier: &RedisTier) {
    assert_eq!(ask(tier, &key(90), 1).await, Leased::Won);
    let mut value = put(key(90).with_variant([9; 16]), at(1));
    value.rule = Some(frame(at(0), "rule"));
    tier.put(&value).await.unwrap();
    let found = read(tier, &value.key).await;
    assert_eq!(
        (found.primary, found.variant),
        (value.rule.clone(), Some(value.value.clone()))
    );
    tier.put(&value).await.unwrap();
    tier.release(&key(90), &token(1), Outcome::Failed)
        .await
        .unwrap();
    tier.remove(&value.key).await.unwrap();
    tier.remove(&key(90)).await.unwrap();
    let first = tier.append(&"a".into()).await.unwrap();
    let second = tier.restart(first, &"b".into()).await.unwrap().unwrap();
    let batch = tier
        .read(LogPosition::START, 9, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(batch.records, [(first, "a".into()), (second, "b".into())]);
    let batch = tier
        .read(second, 9, Duration::from_millis(1))
        .await
        .unwrap();
    assert!(batch.records.is_empty() && batch.is_anchored);
    assert!(tier.extent(first).await.unwrap().is_anchored);
    tier.announce(NodeId::from_bits(1), first, MINUTE)
        .await
        .unwrap();
    assert_eq!(tier.nodes().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_put_is_found_until_it_is_removed() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let found = read(&tier, &key(1)).await;
    assert_eq!((found.primary, found.variant), (None, None));
    tier.put(&put(key(1), at(1))).await.unwrap();
    let found = read(&tier, &key(1)).await;
    assert_eq!(found.primary.unwrap(), put(key(1), at(1)).value);
    assert_eq!(found.leased, Leased::No);
    assert_eq!(read(&tier, &key(2)).await.primary, None);
    let left: u64 = server
        .command(&["PTTL", &name(&key(1), "e")])
        .await
        .parse()
        .unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    tier.remove(&key(1)).await.unwrap();
    assert_eq!(read(&tier, &key(1)).await.primary, None);
    assert_eq!(server.command(&["DBSIZE"]).await, "0");
}

#[tokio::test]
async fn a_value_may_be_any_bytes_and_large() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let mut large = put(key(1), at(1));
    large.value = (0..5_000_000_u32)
        .map(|n| (n % 251) as u8)
        .collect::<Vec<_>>()
        .into();
    tier.put(&large).await.unwrap();
    assert_eq!(read(&tier, &key(1)).await.primary.unwrap(), large.value);
    large.value = Default::default();
    tier.put(&large).await.unwrap();
    assert_eq!(read(&tier, &key(1)).await.primary.unwrap(), "");
}

#[tokio::test]
async fn what_was_born_later_stays() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let content = async || read(&tier, &key(1)).await.primary.unwrap();
    tier.put(&put(key(1), at(5))).await.unwrap();
    tier.put(&put(key(1), at(4))).await.unwrap();
    assert_eq!(content().await, put(key(1), at(5)).value);
    tier.put(&put(key(1), at(6))).await.unwrap();
    assert_eq!(content().await, put(key(1), at(6)).value);
    // Of two that were born at the same position the one that comes later is taken.
    let mut again = put(key(1), at(6));
    again.value = frame(at(6), "again");
    tier.put(&again).await.unwrap();
    assert_eq!(content().await, again.value);
    // Numbers that differ in the lower half only, with and without their highest bit.
    for (born, later) in [(0x7fff_ffff, 0x8000_0000_u64), (0xff, 0x100), (0x0a, 0x0d)] {
        let position = |low| LogPosition::from_bits(at(0).bits() + (1 << 33) + low);
        tier.remove(&key(1)).await.unwrap();
        tier.put(&put(key(1), position(later))).await.unwrap();
        tier.put(&put(key(1), position(born))).await.unwrap();
        assert_eq!(content().await, put(key(1), position(later)).value);
    }
    // What is no frame stands in nobody's way.
    let mut other = put(key(1), at(1));
    other.value = "damaged, and long enough".into();
    tier.remove(&key(1)).await.unwrap();
    tier.put(&other).await.unwrap();
    tier.put(&put(key(1), at(1))).await.unwrap();
    assert_eq!(content().await, put(key(1), at(1)).value);
}

#[tokio::test]
async fn a_variant_stands_by_itself_and_its_rule_under_the_primary_key() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let left = async |part: &str| -> u64 {
        let left = server.command(&["PTTL", &name(&key(1), part)]).await;
        left.parse().unwrap()
    };
    let variant = |of: u8| key(1).with_variant([of; 16]);
    let part = |of: u8| format!("v{}", variant(of).variant_text().unwrap());
    let mut first = put(variant(1), at(1));
    first.rule = Some(frame(at(0), "by accept"));
    tier.put(&first).await.unwrap();
    let found = read(&tier, &variant(1)).await;
    assert_eq!(found.primary, first.rule);
    assert_eq!(found.variant.unwrap(), first.value);
    let found = read(&tier, &variant(2)).await;
    assert_eq!((found.primary, found.variant), (first.rule.clone(), None));

    // A rule lives as long as the variant that lives longest.
    let mut second = put(variant(2), at(2));
    second.rule.clone_from(&first.rule);
    second.keep = 10 * MINUTE;
    tier.put(&second).await.unwrap();
    assert!(left("e").await > 9 * 60_000);
    assert!(left(&part(1)).await <= 60_000);
    tier.put(&first).await.unwrap();
    assert!(left("e").await > 9 * 60_000);

    // Another rule takes its place, for as long.
    let mut third = put(variant(3), at(3));
    third.rule = Some(frame(at(0), "by accept and language"));
    tier.put(&third).await.unwrap();
    assert_eq!(read(&tier, &variant(3)).await.primary, third.rule);
    assert!(left("e").await > 9 * 60_000);

    // A variant goes by itself, and so does the rule.
    tier.remove(&variant(3)).await.unwrap();
    let found = read(&tier, &variant(3)).await;
    assert_eq!((found.primary, found.variant), (third.rule, None));
    tier.remove(&key(1)).await.unwrap();
    let found = read(&tier, &variant(2)).await;
    assert_eq!((found.primary, found.variant), (None, Some(second.value)));
}

#[tokio::test]
async fn a_rule_does_not_take_the_place_of_a_response_that_was_born_later() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    tier.put(&put(key(1), at(5))).await.unwrap();
    let mut variant = put(key(1).with_variant([1; 16]), at(4));
    variant.rule = Some(frame(at(4), "rule"));
    tier.put(&variant).await.unwrap();
    let found = read(&tier, &variant.key).await;
    assert_eq!(found.primary.unwrap(), put(key(1), at(5)).value);
    variant.born = at(6);
    tier.put(&variant).await.unwrap();
    assert_eq!(read(&tier, &variant.key).await.primary, variant.rule);
}

#[tokio::test]
async fn scripts_are_loaded_again_after_the_server_forgot_them() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    for round in 1..4 {
        server.command(&["SCRIPT", "FLUSH"]).await;
        tier.put(&put(key(round), at(1))).await.unwrap();
        server.command(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(ask(&tier, &key(round + 10), 1).await, Leased::Won);
        server.command(&["SCRIPT", "FLUSH"]).await;
        tier.release(&key(round + 10), &token(1), Outcome::Failed)
            .await
            .unwrap();
        assert_eq!(
            read(&tier, &key(round)).await.primary.unwrap(),
            put(key(round), at(1)).value
        );
    }
}

/// Nor a second exchange, of whoever would lead a fill if there were nothing.
#[tokio::test]
async fn what_is_there_is_read_without_a_script() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let mut value = put(key(1).with_variant([1; 16]), at(1));
    value.rule = Some(frame(at(1), "rule"));
    tier.put(&value).await.unwrap();
    server.command(&["CONFIG", "RESETSTAT"]).await;
    for number in 0..10 {
        for of in [key(1), value.key] {
            assert!(read(&tier, &of).await.primary.is_some());
            assert_eq!(ask(&tier, &of, number).await, Leased::No);
        }
    }
    let calls = server.command(&["INFO", "commandstats"]).await;
    assert!(calls.contains("cmdstat_get:calls=60,"), "{calls}");
    assert!(!calls.contains("cmdstat_eval"), "{calls}");
    // What is not there takes one.
    assert_eq!(ask(&tier, &key(2), 1).await, Leased::Won);
    let calls = server.command(&["INFO", "commandstats"]).await;
    assert!(calls.contains("cmdstat_eval"), "{calls}");
}

#[tokio::test]
async fn a_key_of_another_type_is_an_error_until_it_is_replaced() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let variant = key(1).with_variant([1; 16]);
    let part = format!("v{}", variant.variant_text().unwrap());
    let lease_part = format!("l{}", variant.variant_text().unwrap());
    let spoil = async || {
        for part in ["e", "l", &part, &lease_part] {
            server.command(&["DEL", &name(&key(1), part)]).await;
            server.command(&["LPUSH", &name(&key(1), part), "x"]).await;
        }
    };
    spoil().await;
    assert_eq!(kind_of_get(&tier, &key(1)).await, StoreErrorKind::Protocol);
    assert_eq!(kind_of_get(&tier, &variant).await, StoreErrorKind::Protocol);
    let wanted = lease(1);
    let error = tier
        .get(&key(1), Wish::ReadOrLease(&wanted))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Protocol);

    let mut value = put(variant, at(1));
    value.rule = Some(frame(at(0), "rule"));
    value.lease = Some(token(1));
    tier.put(&value).await.unwrap();
    let found = read(&tier, &variant).await;
    assert_eq!(
        (found.primary, found.variant),
        (value.rule, Some(value.value))
    );

    spoil().await;
    tier.put(&put(key(1), at(1))).await.unwrap();
    assert!(read(&tier, &key(1)).await.primary.is_some());
    tier.remove(&key(1)).await.unwrap();
    assert_eq!(ask(&tier, &key(1), 1).await, Leased::Won);

    spoil().await;
    tier.remove(&key(1)).await.unwrap();
    tier.remove(&variant).await.unwrap();
    assert_eq!(read(&tier, &variant).await.primary, None);
    tier.release(&key(1), &token(1), Outcome::Failed)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_server_refuses_and_goes_on_answering() {
    let full = Redis::options().max_memory(4_000_000, "noeviction");
    let Some((server, tier)) = tier_on(full).await else {
        return;
    };
    tier.put(&put(key(1), at(1))).await.unwrap();
    let mut large = put(key(2), at(1));
    large.value = vec![7; 500_000].into();
    let mut refused = None;
    for of in 2..100 {
        large.key = key(of);
        refused = refused.or(tier.put(&large).await.err());
    }
    let refused = refused.unwrap();
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    assert!(refused.to_string().contains("OOM"), "{refused}");
    assert!(read(&tier, &key(1)).await.primary.is_some());
    // A fill whose value has no room gives its lease back all the same.
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let free = key(200);
    assert_eq!(ask(&tier, &free, 1).await, Leased::Won);
    server
        .command(&["CONFIG", "SET", "maxmemory", "1000000"])
        .await;
    (large.key, large.lease) = (free, Some(token(1)));
    let refused = tier.put(&large).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(ask(&tier, &free, 2).await, Leased::Won);
    tier.put(&large).await.unwrap();
    // That the rule stands there already does not make up for a variant that has no room.
    large.key = free.with_variant([1; 16]);
    large.rule = Some(frame(at(1), "rule"));
    tier.put(&large).await.unwrap();
    server
        .command(&["CONFIG", "SET", "maxmemory", "1000000"])
        .await;
    large.key = free.with_variant([2; 16]);
    let refused = tier.put(&large).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
}
