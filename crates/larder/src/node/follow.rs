//! Following the log: reading it to its end, applying what it tells, noticing when it cannot be trusted.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cache::{Cache, Shared};
use crate::fleet::counts::Did;
use crate::fleet::course::Course;
use crate::fleet::purging::Applied;
use crate::fleet::record::Record;
use crate::fleet::{Fleet, NOBODY, limited};
use crate::shared::{Batch, LogPosition, StoreError};

/// So many records are read at once.
const LIMIT: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How often the clock of the store is looked at.
const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// As long as the cache is there.
pub(super) async fn follow(cache: Weak<Shared>, fleet: Arc<Fleet>) {
    let mut pause = FIRST_PAUSE;
    let mut broke = false;
    while let Some(strong) = Cache::of(&cache) {
        let joined = join(&fleet, &strong).await;
        drop(strong);
        let end = match joined {
            Ok(Joined { again: true, .. }) => End::Failed(None),
            Ok(Joined { lost, .. }) => {
                if broke || lost {
                    fleet.joined_again();
                }
                broke = false;
                read(&fleet, &cache, &mut pause).await
            }
            Err(error) => End::Failed(Some(error)),
        };
        match end {
            End::Look => {}
            End::Gone => return,
            End::Broke | End::Failed(_) => {
                broke = true;
                if let End::Failed(Some(error)) = end {
                    fleet.counts.add(Did::LogFailed);
                    tracing::debug!(target: "larder", %error, "the invalidation log failed");
                }
                sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(LAST_PAUSE).min(fleet.settings.bound / 4);
            }
        }
    }
}

/// How it stands to the log.
struct Joined {
    /// It may have lost what it had.
    lost: bool,
    /// It has to be looked again.
    again: bool,
}

/// Why reading came to an end.
enum End {
    /// Something is missing.
    Broke,
    Failed(Option<StoreError>),
    /// The cache is.
    Gone,
    /// Nothing is wrong, but it is time to look how the log stands.
    Look,
}

/// Looks how the log stands to what was applied, to go on from there.
async fn join(fleet: &Fleet, cache: &Cache) -> Result<Joined, StoreError> {
    let applied = fleet.read_upto();
    let within = fleet.settings.bound / 2;
    let before = Instant::now();
    let extent = limited(fleet.log.extent(applied), within).await?;
    fleet
        .store_clock
        .set(extent.now, before + before.elapsed() / 2);
    let (mut lost, mut again) = (false, false);
    match Course::of(applied, &extent) {
        Course::GoOn => {}
        // What was fetched here before may have been purged by what is gone already, and own
        // purges may stand before the oldest record that is read.
        Course::Begin(oldest) => {
            lost = true;
            begin_at(fleet, cache, oldest);
        }
        Course::Skip(newest) => {
            lost = true;
            fleet.counts.add(Did::LogSkipped);
            tracing::warn!(
                target: "larder", %applied, %newest,
                "the invalidation log has moved on too far: everything stored before is fetched again"
            );
            begin_at(fleet, cache, newest);
        }
        Course::Restart(above) => {
            lost = true;
            let record = Record::everything(NOBODY, 0).encode();
            match limited(fleet.log.restart(above, &record), within).await? {
                Some(position) => {
                    fleet.counts.add(Did::LogRestarted);
                    tracing::warn!(
                        target: "larder", %applied, %position,
                        "the invalidation log was empty or had gone back: it is begun anew, and everything stored before is fetched again"
                    );
                    begin_at(fleet, cache, position);
                }
                // Another was quicker.
                None => again = true,
            }
        }
    }
    Ok(Joined { lost, again })
}

/// Reads on until something is wrong, or for a while.
async fn read(fleet: &Fleet, cache: &Weak<Shared>, pause: &mut Duration) -> End {
    let begun = Instant::now();
    let wait = fleet.settings.bound / 4;
    while begun.elapsed() < CLOCK_EVERY {
        let after = fleet.read_upto();
        let (moment, asked) = (fleet.trust.now(), Instant::now());
        let read = fleet.log.read(after, LIMIT, wait);
        let batch = match limited(read, wait * 2).await {
            Ok(batch) => batch,
            Err(error) => return End::Failed(Some(error)),
        };
        let Some(cache) = Cache::of(cache) else {
            return End::Gone;
        };
        if !batch.is_anchored {
            return End::Broke;
        }
        *pause = FIRST_PAUSE;
        apply_all(fleet, &cache, &batch);
        if batch.reaches_end {
            fleet.heard(moment, asked);
            fleet.discard_beyond(moment);
        }
        drop(cache);
        let is_more = !batch.reaches_end && !batch.records.is_empty();
        if let Some(pause) = fleet.log.poll_every().filter(|_| !is_more) {
            sleep(pause.min(wait)).await;
        }
    }
    End::Look
}

/// Whatever is stored here goes too.
fn begin_at(fleet: &Fleet, cache: &Cache, position: LogPosition) {
    fleet.skip_to(&cache.shared().stamps, position);
    cache.forget_memory();
}

fn apply_all(fleet: &Fleet, cache: &Cache, batch: &Batch) {
    for (position, record) in &batch.records {
        let Shared { clock, stamps, .. } = cache.shared();
        match fleet.apply(stamps, clock.now(), *position, record) {
            Applied::Everything => cache.forget_memory(),
            Applied::Nothing => continue,
            Applied::Something => {}
        }
        cache.settle();
    }
    if !batch.records.is_empty() {
        fleet.news.notify_one();
    }
}
