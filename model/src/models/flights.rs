//! Requests that lead and follow, and leave, fail, panic and are overtaken by purges.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Waker};

use shuttle::future::{block_on, spawn};

use super::ledger::{Follower, FollowerSeat, Key, Landing, Leader, LeaderSeat, Present, World};
use crate::chance::{below, linger, one_in};
use crate::flights::Boarded;
use crate::runtime::{Handle, panic_as_planned};
use crate::schedules::seen;
use crate::shim::Ordering;

/// Some requests for one or two keys, at most so many followers, and purges meanwhile.
///
/// # Panics
///
/// When a promise of the flights is broken.
pub fn flights() {
    let world = World::new(if one_in(2) { 1 } else { REQUESTS });
    let keys = 1 + below(2);
    let runtime = Handle::default();
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| {
            spawn(request(
                Arc::clone(&world),
                Key(below(keys)),
                runtime.clone(),
            ))
        })
        .collect();
    let leaving = requests.iter().filter(|_| one_in(4));
    let leaving: Vec<_> = leaving.map(|request| request.abort_handle()).collect();
    runtime.spawn(async move {
        for client in leaving {
            linger(9).await;
            client.abort();
        }
    });
    let purged = Arc::clone(&world);
    runtime.spawn(async move {
        for _ in 0..below(3) {
            linger(9).await;
            purged.position.fetch_add(1, Ordering::SeqCst);
        }
    });
    block_on(async {
        for request in requests {
            let _ = request.await;
        }
        runtime.finish().await;
    });
    world.audit_end();
}

/// A leader is lost; of its followers one leads next, for all others.
///
/// # Panics
///
/// When none does, or more than one.
pub fn election() {
    let world = World::new(REQUESTS);
    let Boarded::Lead(lost) = world.board(Key(0)) else {
        panic!("the first one leads")
    };
    let followers: Vec<_> = (0..REQUESTS)
        .map(|_| match world.board(Key(0)) {
            Boarded::Follow(follower) => follower,
            _ => panic!("somebody leads"),
        })
        .collect();
    let followers: Vec<_> = followers
        .into_iter()
        .map(|follower| spawn(elect(Arc::clone(&world), follower)))
        .collect();
    let loser = spawn(async move {
        linger(9).await;
        drop(lost);
    });
    block_on(async {
        loser.await.expect("the first leader leaves");
        let mut leaders = Vec::new();
        for follower in followers {
            leaders.extend(follower.await.expect("every follower is answered"));
        }
        assert_eq!(leaders.len(), 1, "leaders after one was lost");
        drop(leaders);
    });
    assert_eq!(world.flights.len(), 0);
}

/// Follows, and after that boards once more. Who leads then stays until all have boarded.
async fn elect(world: Arc<World>, follower: Follower) -> Option<Leader> {
    assert_eq!(follower.await, None);
    match world.board(Key(0)) {
        Boarded::Follow(next) => {
            assert!(next.await.is_some());
            None
        }
        Boarded::Full => panic!("there is room for all"),
        Boarded::Lead(leader) => {
            linger(9).await;
            leader.land(Landing { flight: 0, nth: 0 });
            Some(leader)
        }
    }
}

/// Boards until it has led, has been answered or has lost patience.
async fn request(world: Arc<World>, key: Key, runtime: Handle) {
    loop {
        let _present = Present::new(&world, key);
        let before = world.snapshot(key);
        let purged = world.position.load(Ordering::SeqCst);
        match world.board(key) {
            Boarded::Full => {
                seen("full");
                let begun = world.snapshot(key).begun - before.begun;
                assert!(before.present + begun > world.limit, "there was room");
                return;
            }
            Boarded::Lead(leader) => {
                return lead(LeaderSeat::new(&world, leader), &runtime).await;
            }
            Boarded::Follow(follower) => {
                let mark = *follower.flight().mark();
                assert!(mark.born >= purged, "joined what a purge had overtaken");
                assert!(!before.gone.contains(&mark.id), "joined what was over");
                assert_eq!(mark.key, key);
                match follow(FollowerSeat::new(&world, follower)).await {
                    Followed::Lost => seen("lost"),
                    Followed::Left | Followed::Told => return,
                }
            }
        }
    }
}

async fn lead(mut seat: LeaderSeat, runtime: &Handle) {
    let pause = linger(9);
    match below(6) {
        0 => {}
        1 => pause.await,
        2 => {
            seat.land(0);
            pause.await;
            seat.land(1);
        }
        3 => {
            pause.await;
            seat.conclude();
        }
        4 => runtime.spawn(async move {
            let _seat = seat;
            linger(9).await;
            panic_as_planned();
        }),
        _ => {
            pause.await;
            // The client leaves; the work goes on if others want it.
            if seat.is_followed() {
                seen("finished for others");
                seat.land(0);
            }
        }
    }
}

enum Followed {
    Left,
    Lost,
    Told,
}

async fn follow(mut seat: FollowerSeat) -> Followed {
    let told = match below(4) {
        0 => return Followed::Left,
        1 => {
            for _ in 0..below(3) {
                linger(3).await;
                if seat
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_ready()
                {
                    break;
                }
            }
            return Followed::Left;
        }
        2 => {
            // Moved from one task to another: the waker of the last poll counts.
            let _ = seat.poll(&mut Context::from_waker(Waker::noop()));
            poll_fn(|cx| seat.poll(cx)).await
        }
        _ => poll_fn(|cx| seat.poll(cx)).await,
    };
    let first = seat
        .world
        .note(|ledger| ledger.landed.get(&seat.mark.id).copied());
    match told {
        None => {
            assert_eq!(first, None, "lost, although the leader landed");
            Followed::Lost
        }
        Some(landing) => {
            assert_eq!(landing.flight, seat.mark.id, "told of another flight");
            assert_eq!(first, Some(landing.nth), "the first landing counts");
            seen("told");
            Followed::Told
        }
    }
}

const REQUESTS: usize = 5;
