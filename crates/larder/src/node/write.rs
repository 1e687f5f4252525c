//! Writing to the store what waits for it: in the background, bounded in bytes, and given up where the store
//! cannot follow.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::cache::{Cache, Shared};
use crate::fleet::Fleet;
use crate::fleet::counts::Did;
use crate::fleet::writes::Work;

/// So much is written at once.
const AT_ONCE: usize = 32;
/// Whoever waits looks whether the cache is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// As long as the cache is there.
pub(super) async fn write(
    cache: Weak<Shared>,
    fleet: Arc<Fleet>,
    mut works: UnboundedReceiver<Work>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while cache.strong_count() > 0 {
        let Ok(work) = timeout(LOOK_EVERY, works.recv()).await else {
            continue;
        };
        let (Some(work), Ok(place)) = (work, Arc::clone(&places).acquire_owned().await) else {
            return;
        };
        let (cache, fleet) = (cache.clone(), Arc::clone(&fleet));
        tokio::spawn(async move {
            carry_out(&fleet, &cache, work).await;
            drop(place);
        });
    }
}

async fn carry_out(fleet: &Fleet, cache: &Weak<Shared>, work: Work) {
    let within = fleet.settings.write_within;
    let done = match work {
        Work::Remove(key) => fleet.ask(|| fleet.entries.remove(&key), within).await,
        Work::Discard(key, born) => {
            let discarded = || fleet.entries.discard(&key, born);
            fleet.ask(discarded, within).await
        }
        Work::Release {
            key,
            token,
            outcome,
        } => {
            let released = || fleet.entries.release(&key, &token, outcome);
            fleet.ask(released, within).await
        }
        Work::Put {
            key,
            entry,
            mut lease,
            windows,
            queued,
        } => {
            let Some(cache) = Cache::of(cache) else {
                return;
            };
            let Shared { clock, stamps, .. } = cache.shared();
            let put = if entry.is_live(stamps) {
                fleet.put(clock.now(), &key, &entry, windows, lease.as_mut())
            } else {
                None
            };
            drop((cache, entry));
            let Some(put) = put else { return };
            let done = fleet.ask(|| fleet.entries.put(&put), within).await;
            // Who waits for it elsewhere finds it there.
            drop((queued, lease));
            if done.is_ok() {
                fleet.counts.add(Did::Written);
                fleet.tell(&put.key).await;
            }
            done
        }
    };
    if done.is_err() {
        fleet.counts.add(Did::WriteLost);
    }
}
