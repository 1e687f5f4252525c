//! One node of all fills.

use futures_util::future::join_all;
use larder::shared::{Lease, Leased, Outcome, Put, Wish};

use crate::kit::{MINUTE, at, key, lease, leased, put, put_born, until, value, variant};
use crate::stand::Stand;

/// What the others are told.
fn busy<S: Stand>(holder: &Lease) -> Leased {
    Leased::Busy(
        S::LIMITS
            .knows_holder
            .then_some((holder.token, holder.born)),
    )
}

pub(crate) async fn a_lease_is_won_once<S: Stand>(stand: &S) {
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(stand.node().await);
    }
    let leases = (0..50).map(lease).collect::<Vec<_>>();
    for key in [key(1), variant(1, 1)] {
        let calls = leases.iter().zip(nodes.iter().cycle());
        let calls = calls.map(|(lease, node)| leased(node, &key, Wish::ReadOrLease(lease)));
        let became = join_all(calls).await;
        let won = leases.iter().zip(&became);
        let won = won.filter(|(_, became)| **became == Leased::Won);
        let won = won.map(|(lease, _)| lease).collect::<Vec<_>>();
        assert_eq!(won.len(), 1, "{became:?}");
        let told = became.iter().filter(|became| **became == busy::<S>(won[0]));
        assert_eq!(told.count(), 49, "{became:?}");
    }
}

pub(crate) async fn whoever_comes_later_is_told_where_the_fill_is_born<S: Stand>(stand: &S) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (first, second) = (lease(1), lease(2));
    assert_eq!(
        leased(&here, &key(1), Wish::ReadOrLease(&first)).await,
        Leased::Won
    );
    let wishes = [Wish::ReadOrLease(&second), Wish::Lease(&second)];
    for wish in wishes {
        assert_eq!(leased(&there, &key(1), wish).await, busy::<S>(&first));
    }
    assert_eq!(leased(&there, &key(1), Wish::Read).await, Leased::No);
}

pub(crate) async fn there_is_no_lease_where_a_value_stands_unless_it_is_wanted_anyway<S: Stand>(
    stand: &S,
) {
    let node = stand.node().await;
    node.put(&put(key(1), "a value")).await.unwrap();
    let (first, second) = (lease(1), lease(2));
    let found = node.get(&key(1), Wish::ReadOrLease(&first)).await.unwrap();
    assert_eq!(
        (found.primary.unwrap(), found.leased),
        ("a value".into(), Leased::No)
    );
    let found = node.get(&key(1), Wish::Lease(&first)).await.unwrap();
    assert_eq!(
        (found.primary.unwrap(), found.leased),
        ("a value".into(), Leased::Won)
    );
    let found = node.get(&key(1), Wish::Lease(&second)).await.unwrap();
    assert_eq!(
        (found.primary.unwrap(), found.leased),
        ("a value".into(), busy::<S>(&first))
    );
    let found = node.get(&key(1), Wish::ReadOrLease(&second)).await.unwrap();
    assert_eq!(
        (found.primary.unwrap(), found.leased),
        ("a value".into(), Leased::No)
    );
}

pub(crate) async fn a_lease_is_of_one_variant<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let rule = put(key(1), "a rule");
    node.put(&rule).await.unwrap();
    let (first, second, third) = (lease(1), lease(2), lease(3));
    let found = node
        .get(&variant(1, 1), Wish::ReadOrLease(&first))
        .await
        .unwrap();
    assert_eq!(
        (found.primary.unwrap(), found.variant),
        ("a rule".into(), None)
    );
    assert_eq!(found.leased, Leased::Won);
    let other = leased(&node, &variant(1, 2), Wish::ReadOrLease(&second)).await;
    assert_eq!(other, Leased::Won);
    assert_eq!(
        leased(&node, &key(1), Wish::Lease(&third)).await,
        Leased::Won
    );
    let same = leased(&node, &variant(1, 1), Wish::ReadOrLease(&second)).await;
    assert_eq!(same, busy::<S>(&first));
}

pub(crate) async fn a_lease_that_is_not_given_back_expires<S: Stand>(stand: &S) {
    let (here, there) = (stand.node().await, stand.node().await);
    let lasts = S::LIMITS.tick;
    let (short, long) = (Lease { lasts, ..lease(1) }, lease(2));
    assert_eq!(
        leased(&here, &key(1), Wish::ReadOrLease(&short)).await,
        Leased::Won
    );
    assert_eq!(
        leased(&here, &key(2), Wish::ReadOrLease(&long)).await,
        Leased::Won
    );
    let next = lease(3);
    until("the lease is free", async || {
        leased(&there, &key(1), Wish::ReadOrLease(&next)).await == Leased::Won
    })
    .await;
    let other = leased(&there, &key(2), Wish::ReadOrLease(&next)).await;
    assert_eq!(other, busy::<S>(&long));
    // The first holder comes too late: the lease is another's.
    here.release(&key(1), &short.token, Outcome::Failed)
        .await
        .unwrap();
    let last = lease(4);
    let last = leased(&here, &key(1), Wish::ReadOrLease(&last)).await;
    assert_eq!(last, busy::<S>(&next));
}

pub(crate) async fn a_lease_is_given_back_with_a_value(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (first, second) = (lease(1), lease(2));
    for key in [key(1), variant(1, 1)] {
        assert_eq!(
            leased(&here, &key, Wish::ReadOrLease(&first)).await,
            Leased::Won
        );
        let filled = Put {
            lease: Some(first.token),
            ..put_born(key, first.born, "filled")
        };
        here.put(&filled).await.unwrap();
        assert_eq!(value(&there, &key).await.unwrap(), filled.value);
        assert_eq!(
            leased(&there, &key, Wish::Lease(&second)).await,
            Leased::Won
        );
    }
}

pub(crate) async fn a_lease_that_failed_is_free_for_the_next(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (first, second) = (lease(1), lease(2));
    for key in [key(1), variant(1, 1)] {
        assert_eq!(
            leased(&here, &key, Wish::ReadOrLease(&first)).await,
            Leased::Won
        );
        here.release(&key, &first.token, Outcome::Failed)
            .await
            .unwrap();
        assert_eq!(
            leased(&there, &key, Wish::ReadOrLease(&second)).await,
            Leased::Won
        );
    }
}

pub(crate) async fn another_token_gives_nothing_back<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let (first, second) = (lease(1), lease(2));
    let alone = Outcome::Alone(MINUTE);
    // Where nobody has one either.
    node.release(&key(1), &second.token, alone).await.unwrap();
    assert_eq!(
        leased(&node, &key(1), Wish::ReadOrLease(&first)).await,
        Leased::Won
    );
    for outcome in [Outcome::Failed, alone] {
        node.release(&key(1), &second.token, outcome).await.unwrap();
        let became = leased(&node, &key(1), Wish::Lease(&second)).await;
        assert_eq!(became, busy::<S>(&first));
    }
    let other = Put {
        lease: Some(second.token),
        ..put(key(1), "a value of another's")
    };
    node.put(&other).await.unwrap();
    let became = leased(&node, &key(1), Wish::Lease(&second)).await;
    assert_eq!(became, busy::<S>(&first));
}

pub(crate) async fn a_value_that_is_outrun_gives_its_lease_back(stand: &impl Stand) {
    let node = stand.node().await;
    let (first, second) = (lease(1), lease(2));
    assert_eq!(
        leased(&node, &key(1), Wish::ReadOrLease(&first)).await,
        Leased::Won
    );
    let later = put_born(key(1), at(1_000_000), "later");
    node.put(&later).await.unwrap();
    let outrun = Put {
        lease: Some(first.token),
        ..put_born(key(1), first.born, "earlier")
    };
    node.put(&outrun).await.unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), later.value);
    assert_eq!(
        leased(&node, &key(1), Wish::Lease(&second)).await,
        Leased::Won
    );
}

pub(crate) async fn after_a_response_that_is_for_nobody_else_nobody_waits(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (first, second) = (lease(1), lease(2));
    for (key, other) in [(key(1), variant(1, 1)), (variant(2, 1), key(2))] {
        assert_eq!(
            leased(&here, &key, Wish::ReadOrLease(&first)).await,
            Leased::Won
        );
        let alone = Outcome::Alone(MINUTE);
        here.release(&key, &first.token, alone).await.unwrap();
        for wish in [Wish::ReadOrLease(&second), Wish::Lease(&second)] {
            assert_eq!(leased(&there, &key, wish).await, Leased::Alone);
            assert_eq!(leased(&here, &key, wish).await, Leased::Alone);
        }
        assert_eq!(
            leased(&there, &other, Wish::Lease(&second)).await,
            Leased::Won
        );
    }
    // A value is for everybody.
    let shared = put(key(1), "for everybody");
    there.put(&shared).await.unwrap();
    let found = here.get(&key(1), Wish::ReadOrLease(&second)).await.unwrap();
    assert_eq!(
        (found.primary.unwrap(), found.leased),
        (shared.value, Leased::No)
    );
}

pub(crate) async fn that_nobody_waits_is_forgotten_in_time<S: Stand>(stand: &S) {
    let node = stand.node().await;
    let (first, second) = (lease(1), lease(2));
    assert_eq!(
        leased(&node, &key(1), Wish::ReadOrLease(&first)).await,
        Leased::Won
    );
    let alone = Outcome::Alone(S::LIMITS.tick);
    node.release(&key(1), &first.token, alone).await.unwrap();
    until("there are leases again", async || {
        leased(&node, &key(1), Wish::ReadOrLease(&second)).await == Leased::Won
    })
    .await;
}

pub(crate) async fn a_lease_is_taken_over_from_the_token_that_is_named<S: Stand>(stand: &S) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (first, second, third) = (lease(1), lease(2), lease(3));
    for (number, key) in (0u8..).zip([key(1), variant(1, 1)]) {
        // Where nobody has it, it is to be had.
        if number == 0 {
            let wish = Wish::TakeOver(&first, &third.token);
            assert_eq!(leased(&here, &key, wish).await, Leased::Won);
        } else {
            assert_eq!(
                leased(&here, &key, Wish::ReadOrLease(&first)).await,
                Leased::Won
            );
        }
        let wish = Wish::TakeOver(&second, &third.token);
        assert_eq!(leased(&there, &key, wish).await, busy::<S>(&first));
        let wish = Wish::TakeOver(&second, &first.token);
        assert_eq!(leased(&there, &key, wish).await, Leased::Won);
        let became = leased(&here, &key, Wish::ReadOrLease(&third)).await;
        assert_eq!(became, busy::<S>(&second));
    }
}

pub(crate) async fn of_those_who_take_over_at_once_one_wins<S: Stand>(stand: &S) {
    let (here, there) = (stand.node().await, stand.node().await);
    let first = lease(0);
    assert_eq!(
        leased(&here, &key(1), Wish::ReadOrLease(&first)).await,
        Leased::Won
    );
    let leases = (1..=30).map(lease).collect::<Vec<_>>();
    let key = key(1);
    let calls = leases.iter().zip([&here, &there].into_iter().cycle());
    let calls = calls.map(|(lease, node)| leased(node, &key, Wish::TakeOver(lease, &first.token)));
    let became = join_all(calls).await;
    let won = became.iter().filter(|became| **became == Leased::Won);
    assert_eq!(won.count(), 1, "{became:?}");
}

pub(crate) async fn what_was_taken_over_is_not_given_back_by_the_former_holder<S: Stand>(
    stand: &S,
) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (first, second, third) = (lease(1), lease(2), lease(3));
    assert_eq!(
        leased(&here, &key(1), Wish::ReadOrLease(&first)).await,
        Leased::Won
    );
    let wish = Wish::TakeOver(&second, &first.token);
    assert_eq!(leased(&there, &key(1), wish).await, Leased::Won);
    let alone = Outcome::Alone(MINUTE);
    here.release(&key(1), &first.token, alone).await.unwrap();
    let late = Put {
        lease: Some(first.token),
        ..put_born(key(1), first.born, "late")
    };
    here.put(&late).await.unwrap();
    let became = leased(&here, &key(1), Wish::Lease(&third)).await;
    assert_eq!(became, busy::<S>(&second));
}
