//! Variants, and the rule under the primary key that says which there are.

use bytes::Bytes;
use larder::shared::{EntryKey, LogPosition, Put};

use crate::kit::{at, find, frame, key, put, put_born, until, value, variant};
use crate::stand::Stand;

fn put_variant(key: EntryKey, born: LogPosition, text: &str, rule: &Bytes) -> Put {
    Put {
        rule: Some(rule.clone()),
        ..put_born(key, born, text)
    }
}

pub(crate) async fn a_variant_stands_beside_its_rule_and_other_variants(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let rule = frame(at(5), "accept-language");
    let german = put_variant(variant(1, 1), at(5), "German", &rule);
    let french = put_variant(variant(1, 2), at(5), "French", &rule);
    here.put(&german).await.unwrap();
    there.put(&french).await.unwrap();
    for put in [german, french] {
        let found = find(&here, &put.key).await;
        assert_eq!(found.variant.unwrap(), put.value);
        assert_eq!(found.primary.unwrap(), rule);
    }
    let found = find(&there, &key(1)).await;
    assert_eq!((found.primary.unwrap(), found.variant), (rule, None));
    assert_eq!(value(&there, &variant(1, 3)).await, None);
}

pub(crate) async fn a_rule_stays_as_long_as_the_longest_of_its_variants<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let keep = S::LIMITS.tick;
    let rule = frame(at(5), "accept-language");
    let other = frame(at(6), "accept-language, accept");
    let long = put_variant(variant(1, 1), at(5), "long", &rule);
    let short = put_variant(variant(1, 2), at(5), "short", &rule);
    let short = Put { keep, ..short };
    // Short and long under the same rule, in both orders; then a short one under another.
    for number in [1, 2, 3] {
        let of = |put: &Put, last: u8| Put {
            key: variant(number, last),
            ..put.clone()
        };
        let mut puts = [of(&long, 1), of(&short, 2)];
        if number == 2 {
            puts.reverse();
        }
        if number == 3 {
            puts[1].rule = Some(other.clone());
        }
        for put in &puts {
            node.put(put).await.unwrap();
        }
    }
    until("the short ones are gone", async || {
        let mut gone = true;
        for number in [1, 2, 3] {
            gone &= value(&node, &variant(number, 2)).await.is_none();
        }
        gone
    })
    .await;
    for (number, rule) in [(1, &rule), (2, &rule), (3, &other)] {
        let found = find(&node, &variant(number, 1)).await;
        assert_eq!(found.variant.unwrap(), long.value, "{number}");
        assert_eq!(found.primary.as_ref(), Some(rule), "{number}");
    }
}

pub(crate) async fn a_variant_is_dropped_alone(stand: &impl Stand) {
    let node = stand.node().await;
    let rule = frame(at(5), "accept-language");
    let stays = put_variant(variant(1, 2), at(5), "French", &rule);
    node.put(&put_variant(variant(1, 1), at(5), "German", &rule))
        .await
        .unwrap();
    node.put(&stays).await.unwrap();
    node.remove(&variant(1, 1)).await.unwrap();
    let found = find(&node, &variant(1, 1)).await;
    assert_eq!((found.variant, found.primary.unwrap()), (None, rule));
    assert_eq!(value(&node, &variant(1, 2)).await.unwrap(), stays.value);
}

pub(crate) async fn a_rule_is_dropped_alone(stand: &impl Stand) {
    let node = stand.node().await;
    let rule = frame(at(5), "accept-language");
    let stays = put_variant(variant(1, 1), at(5), "German", &rule);
    node.put(&stays).await.unwrap();
    node.remove(&key(1)).await.unwrap();
    assert_eq!(value(&node, &key(1)).await, None);
    assert_eq!(value(&node, &variant(1, 1)).await.unwrap(), stays.value);
}

pub(crate) async fn a_variant_that_was_born_earlier_does_not_bring_its_rule(stand: &impl Stand) {
    let node = stand.node().await;
    let (old, new) = (frame(at(5), "accept"), frame(at(9), "accept-language"));
    let standing = put_variant(variant(1, 1), at(9), "later", &new);
    node.put(&standing).await.unwrap();
    let late = put_variant(variant(1, 1), at(5), "earlier", &old);
    node.put(&late).await.unwrap();
    let found = find(&node, &variant(1, 1)).await;
    assert_eq!(found.variant.unwrap(), standing.value);
    assert_eq!(found.primary.unwrap(), new);
    // Nor in the way of a later rule, with a variant that nothing stands in the way of.
    let late = put_variant(variant(1, 2), at(5), "earlier", &old);
    node.put(&late).await.unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), new);
}

pub(crate) async fn a_rule_replaces_a_value_and_a_value_a_rule(stand: &impl Stand) {
    let node = stand.node().await;
    let rule = frame(at(5), "accept-language");
    node.put(&put(key(1), "without variants")).await.unwrap();
    node.put(&put_variant(variant(1, 1), at(5), "German", &rule))
        .await
        .unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), rule);
    let again = put_born(key(1), at(6), "without variants again");
    node.put(&again).await.unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), again.value);
}
