use std::time::Duration;

use larder::shared::{EntryStore, Leased, Outcome, Wish};
use larder_servers::until;

use crate::support::{PATIENCE, ask, at, frame, key, lease, name, put, tier, token};

#[tokio::test]
async fn one_has_a_lease_and_others_learn_who() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    assert_eq!(ask(&tier, &key(1), 1).await, Leased::Won);
    let busy = Leased::Busy(Some((token(1), at(1))));
    assert_eq!(ask(&tier, &key(1), 2).await, busy);
    // Who asks twice, since the answer did not come in time, has it still.
    assert_eq!(ask(&tier, &key(1), 1).await, Leased::Won);
    // Somebody else's is not given back.
    let failed = Outcome::Failed;
    tier.release(&key(1), &token(2), failed).await.unwrap();
    assert_eq!(ask(&tier, &key(1), 2).await, busy);
    tier.release(&key(1), &token(1), failed).await.unwrap();
    assert_eq!(ask(&tier, &key(1), 2).await, Leased::Won);
    // A value gives it back, if it is the holder's.
    let mut value = put(key(1), at(3));
    value.lease = Some(token(1));
    value.born = at(1);
    tier.put(&value).await.unwrap();
    let taken = lease(3);
    let found = tier.get(&key(1), Wish::Lease(&taken)).await.unwrap();
    assert_eq!(found.leased, Leased::Busy(Some((token(2), at(2)))));
    assert!(found.primary.is_some());
    value.lease = Some(token(2));
    tier.put(&value).await.unwrap();
    let found = tier.get(&key(1), Wish::Lease(&taken)).await.unwrap();
    assert_eq!(found.leased, Leased::Won);
    // Where there is a value, none is wanted.
    assert_eq!(ask(&tier, &key(1), 4).await, Leased::No);
}

#[tokio::test]
async fn a_lease_expires() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let mut short = lease(1);
    short.lasts = Duration::from_millis(50);
    let wish = Wish::ReadOrLease(&short);
    assert_eq!(tier.get(&key(1), wish).await.unwrap().leased, Leased::Won);
    until("the lease is over", PATIENCE, async || {
        (ask(&tier, &key(1), 2).await == Leased::Won).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_taken_over_from_the_one_who_is_named() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    assert_eq!(ask(&tier, &key(1), 1).await, Leased::Won);
    let (second, third, from) = (lease(2), lease(3), token(1));
    let over = async |lease, from| {
        let wish = Wish::TakeOver(lease, from);
        tier.get(&key(1), wish).await.unwrap().leased
    };
    assert_eq!(over(&second, &from).await, Leased::Won);
    assert_eq!(
        over(&third, &from).await,
        Leased::Busy(Some((token(2), at(2))))
    );
    // Nobody has this one.
    let wish = Wish::TakeOver(&second, &third.token);
    assert_eq!(tier.get(&key(2), wish).await.unwrap().leased, Leased::Won);
}

#[tokio::test]
async fn nobody_waits_for_what_is_not_for_others() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    assert_eq!(ask(&tier, &key(1), 1).await, Leased::Won);
    let alone = Outcome::Alone(Duration::from_secs(1));
    tier.release(&key(1), &token(2), alone).await.unwrap();
    assert_eq!(
        ask(&tier, &key(1), 2).await,
        Leased::Busy(Some((token(1), at(1))))
    );
    tier.release(&key(1), &token(1), alone).await.unwrap();
    let third = lease(3);
    for wish in [
        Wish::ReadOrLease(&third),
        Wish::Lease(&third),
        Wish::TakeOver(&third, &token(1)),
    ] {
        assert_eq!(tier.get(&key(1), wish).await.unwrap().leased, Leased::Alone);
    }
    let left: u64 = server
        .command(&["PTTL", &name(&key(1), "l")])
        .await
        .parse()
        .unwrap();
    assert!(left <= 1000);
    until("it is forgotten", PATIENCE, async || {
        (ask(&tier, &key(1), 3).await == Leased::Won).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lease_of_a_variant_is_its_own() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let (first, second) = (key(1).with_variant([1; 16]), key(1).with_variant([2; 16]));
    // What stands under the primary key is a rule, and no reason not to fetch the variant.
    let mut value = put(first, at(1));
    value.rule = Some(frame(at(0), "rule"));
    tier.put(&value).await.unwrap();
    let wanted = lease(1);
    let found = tier.get(&second, Wish::ReadOrLease(&wanted)).await.unwrap();
    assert_eq!(found.leased, Leased::Won);
    assert_eq!((found.primary, found.variant), (value.rule, None));
    assert_eq!(ask(&tier, &first, 2).await, Leased::No);
    assert!(matches!(ask(&tier, &second, 2).await, Leased::Busy(_)));
}
