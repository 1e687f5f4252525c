//! Leases.

use std::time::Duration;

use larder::shared::{EntryStore, Found, Lease, Leased, Outcome, Put, StoreErrorKind, Wish};
use larder_memcached::MemcachedTier;
use larder_servers::until;

use crate::{at, frame, key, lease, put, start, tier, token};

async fn ask(tier: &MemcachedTier, wish: Wish<'_>) -> Found {
    tier.get(&key(1), wish).await.expect("an answer")
}

async fn wait_until_won(tier: &MemcachedTier, lease: &Lease) {
    until(
        "what stood there expired",
        Duration::from_secs(20),
        || async {
            (ask(tier, Wish::ReadOrLease(lease)).await.leased == Leased::Won).then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn one_of_many_nodes_gets_the_lease_and_the_others_learn_whose_it_is() {
    let Some((server, first)) = start().await else {
        return;
    };
    let second = tier(&server).await;
    let (mine, other) = (lease(1, 7), lease(2, 8));
    assert_eq!(
        ask(&first, Wish::ReadOrLease(&mine)).await.leased,
        Leased::Won
    );
    let busy = Leased::Busy(Some((token(1), at(7))));
    assert_eq!(ask(&second, Wish::ReadOrLease(&other)).await.leased, busy);
    assert_eq!(ask(&second, Wish::Lease(&other)).await.leased, busy);
    // Who has it already has it.
    assert_eq!(
        ask(&first, Wish::ReadOrLease(&mine)).await.leased,
        Leased::Won
    );
}

#[tokio::test]
async fn a_value_gives_back_the_lease_and_is_read_instead() {
    let Some((server, first)) = start().await else {
        return;
    };
    let second = tier(&server).await;
    assert_eq!(
        ask(&first, Wish::ReadOrLease(&lease(1, 7))).await.leased,
        Leased::Won
    );
    let filled = Put {
        lease: Some(token(1)),
        ..put(key(1), 7, "body")
    };
    first.put(&filled).await.expect("room");
    let found = ask(&second, Wish::ReadOrLease(&lease(2, 8))).await;
    assert_eq!(
        (found.primary, found.leased),
        (Some(frame(7, "body")), Leased::No)
    );
    // Who wants it nevertheless validates, and the value is there meanwhile.
    let found = ask(&second, Wish::Lease(&lease(2, 8))).await;
    assert_eq!(
        (found.primary, found.leased),
        (Some(frame(7, "body")), Leased::Won)
    );
    let found = ask(&first, Wish::Lease(&lease(1, 9))).await;
    assert_eq!(found.primary, Some(frame(7, "body")));
    assert_eq!(found.leased, Leased::Busy(Some((token(2), at(8)))));
}

#[tokio::test]
async fn a_variant_that_is_missing_has_a_lease_whatever_the_rule_is() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    tier.put(&put(key(1), 1, "rule")).await.expect("room");
    let (german, french) = (key(1).with_variant([1; 16]), key(1).with_variant([2; 16]));
    for variant in [german, french] {
        let lease = lease(1, 7);
        let found = tier
            .get(&variant, Wish::ReadOrLease(&lease))
            .await
            .expect("an answer");
        assert_eq!(
            (found.primary, found.leased),
            (Some(frame(1, "rule")), Leased::Won)
        );
    }
}

#[tokio::test]
async fn only_the_holder_gives_back_a_lease() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    assert_eq!(
        ask(&tier, Wish::Lease(&lease(1, 7))).await.leased,
        Leased::Won
    );
    let alone = Outcome::Alone(Duration::from_secs(9));
    for outcome in [Outcome::Failed, alone] {
        tier.release(&key(1), &token(2), outcome)
            .await
            .expect("an answer");
    }
    let foreign = Put {
        lease: Some(token(2)),
        ..put(key(1), 6, "body")
    };
    tier.put(&foreign).await.expect("room");
    let busy = Leased::Busy(Some((token(1), at(7))));
    assert_eq!(ask(&tier, Wish::Lease(&lease(3, 8))).await.leased, busy);
    tier.release(&key(1), &token(1), Outcome::Failed)
        .await
        .expect("an answer");
    assert_eq!(
        ask(&tier, Wish::Lease(&lease(3, 8))).await.leased,
        Leased::Won
    );
}

#[tokio::test]
async fn what_is_not_for_others_is_waited_for_by_nobody() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&lease(1, 7))).await.leased,
        Leased::Won
    );
    let alone = Outcome::Alone(Duration::from_millis(10));
    tier.release(&key(1), &token(1), alone)
        .await
        .expect("an answer");
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&lease(2, 8))).await.leased,
        Leased::Alone
    );
    assert_eq!(
        ask(&tier, Wish::Lease(&lease(2, 8))).await.leased,
        Leased::Alone
    );
    let lease = lease(2, 8);
    wait_until_won(&tier, &lease).await;
}

/// Nobody gives back what is no lease, and it may never expire.
#[tokio::test]
async fn what_is_no_lease_made_everybody_wait_as_long_as_a_lease_lasts() {
    let Some((server, tier)) = start().await else {
        return;
    };
    for bytes in ["", "x", "h and more than a lease can be, whoever made it"] {
        let set = format!("ms larder1:l:{} {}\r\n{bytes}\r\n", key(1), bytes.len());
        server.command(&set).await;
        for wish in [Wish::ReadOrLease(&lease(1, 7)), Wish::Lease(&lease(1, 7))] {
            assert_eq!(ask(&tier, wish).await.leased, Leased::Alone, "{bytes:?}");
        }
        let filled = Put {
            lease: Some(token(1)),
            ..put(key(1), 7, "body")
        };
        tier.put(&filled).await.expect("room");
        assert_eq!(ask(&tier, Wish::Read).await.primary, Some(frame(7, "body")));
        tier.remove(&key(1)).await.expect("an answer");
    }
}

#[tokio::test]
async fn a_lease_that_is_not_given_back_expires() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let short = Lease {
        lasts: Duration::from_millis(1),
        ..lease(1, 7)
    };
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&short)).await.leased,
        Leased::Won
    );
    let lease = lease(2, 8);
    wait_until_won(&tier, &lease).await;
}

#[tokio::test]
async fn a_lease_is_taken_over_from_the_token_that_was_named_and_no_other() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&lease(1, 7))).await.leased,
        Leased::Won
    );
    let later = lease(2, 9);
    let found = ask(&tier, Wish::TakeOver(&later, &token(3))).await;
    assert_eq!(found.leased, Leased::Busy(Some((token(1), at(7)))));
    let found = ask(&tier, Wish::TakeOver(&later, &token(1))).await;
    assert_eq!(found.leased, Leased::Won);
    let found = ask(&tier, Wish::ReadOrLease(&lease(4, 9))).await;
    assert_eq!(found.leased, Leased::Busy(Some((token(2), at(9)))));
    // The one who lost it gives back nothing.
    tier.release(&key(1), &token(1), Outcome::Failed)
        .await
        .expect("an answer");
    let found = ask(&tier, Wish::ReadOrLease(&lease(4, 9))).await;
    assert_eq!(found.leased, Leased::Busy(Some((token(2), at(9)))));
    // What nobody holds any more is free.
    tier.release(&key(1), &token(2), Outcome::Failed)
        .await
        .expect("an answer");
    let found = ask(&tier, Wish::TakeOver(&lease(5, 9), &token(2))).await;
    assert_eq!(found.leased, Leased::Won);
}

#[tokio::test]
async fn a_lease_is_taken_over_by_one_of_many() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&lease(1, 7))).await.leased,
        Leased::Won
    );
    let (second, third, from) = (lease(2, 9), lease(3, 9), token(1));
    let (one, other) = tokio::join!(
        ask(&tier, Wish::TakeOver(&second, &from)),
        ask(&tier, Wish::TakeOver(&third, &from)),
    );
    let won = [one, other]
        .iter()
        .filter(|found| found.leased == Leased::Won)
        .count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_late_fill_of_what_was_removed_is_not_stored() {
    let Some((server, tier)) = start().await else {
        return;
    };
    for stands in [false, true] {
        server.command("flush_all\r\n").await;
        if stands {
            tier.put(&put(key(1), 1, "old")).await.expect("room");
        }
        assert_eq!(
            ask(&tier, Wish::Lease(&lease(1, 7))).await.leased,
            Leased::Won
        );
        tier.remove(&key(1)).await.expect("an answer");
        let late = Put {
            lease: Some(token(1)),
            ..put(key(1), 7, "late")
        };
        tier.put(&late).await.expect("no error");
        assert!(ask(&tier, Wish::Read).await.primary.is_none());
        // The next does not wait for it.
        let next = lease(2, 8);
        assert_eq!(
            ask(&tier, Wish::ReadOrLease(&next)).await.leased,
            Leased::Won
        );
        let filled = Put {
            lease: Some(token(2)),
            ..put(key(1), 8, "new")
        };
        tier.put(&filled).await.expect("room");
        assert_eq!(ask(&tier, Wish::Read).await.primary, Some(frame(8, "new")));
    }
}

#[tokio::test]
async fn a_value_that_is_too_large_gives_back_its_lease() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&lease(1, 7))).await.leased,
        Leased::Won
    );
    let large = Put {
        lease: Some(token(1)),
        ..put(key(1), 7, &"x".repeat(2 << 20))
    };
    let error = tier.put(&large).await.expect_err("too large");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_eq!(
        ask(&tier, Wish::ReadOrLease(&lease(2, 8))).await.leased,
        Leased::Won
    );
}
