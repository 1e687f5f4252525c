//! Following the log: reading it to its end, applying what it tells, noticing when it cannot be trusted.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::counts::Did;
use super::course::Course;
use super::purging::Applied;
use super::record::Record;
use super::{Fleet, NOBODY, limited};
use crate::cache::{Cache, Shared};
use crate::shared::{Batch, LogPosition, StoreError};
use crate::shim::Ordering;

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
        let joined = fleet.join(&strong).await;
        drop(strong);
        let end = match joined {
            Ok(Joined { again: true, .. }) => End::Failed(None),
            Ok(Joined { lost, .. }) => {
                if broke || lost {
                    fleet.outbox.send_again();
                    // The server is there again: whoever needs it may ask.
                    fleet.breaker.succeeded();
                }
                broke = false;
                fleet.read(&cache, &mut pause).await
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

impl Fleet {
    /// Looks how the log stands to what was applied, to go on from there.
    async fn join(&self, cache: &Cache) -> Result<Joined, StoreError> {
        let applied = self.read_upto();
        let within = self.settings.bound / 2;
        let before = Instant::now();
        let extent = limited(self.log.extent(applied), within).await?;
        self.store_clock
            .set(extent.now, before + before.elapsed() / 2);
        let (mut lost, mut again) = (false, false);
        match Course::of(applied, &extent) {
            Course::GoOn => {}
            // What was fetched here before may have been purged by what is gone already, and own
            // purges may stand before the oldest record that is read.
            Course::Begin(oldest) => {
                lost = true;
                self.begin_at(cache, oldest);
            }
            Course::Skip(newest) => {
                lost = true;
                self.counts.add(Did::LogSkipped);
                tracing::warn!(
                    target: "larder", %applied, %newest,
                    "the invalidation log has moved on too far: everything stored before is fetched again"
                );
                self.begin_at(cache, newest);
            }
            Course::Restart(above) => {
                lost = true;
                let record = Record::everything(NOBODY, 0).encode();
                match limited(self.log.restart(above, &record), within).await? {
                    Some(position) => {
                        self.counts.add(Did::LogRestarted);
                        tracing::warn!(
                            target: "larder", %applied, %position,
                            "the invalidation log was empty or had gone back: it is begun anew, and everything stored before is fetched again"
                        );
                        self.begin_at(cache, position);
                    }
                    // Another was quicker.
                    None => again = true,
                }
            }
        }
        Ok(Joined { lost, again })
    }

    /// Reads on until something is wrong, or for a while.
    async fn read(&self, cache: &Weak<Shared>, pause: &mut Duration) -> End {
        let begun = Instant::now();
        let wait = self.settings.bound / 4;
        while begun.elapsed() < CLOCK_EVERY {
            let after = self.read_upto();
            let (moment, asked) = (self.trust.now(), Instant::now());
            let read = self.log.read(after, LIMIT, wait);
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
            self.apply_all(&cache, &batch);
            if batch.reaches_end {
                self.trust.heard(moment);
                self.outbox.heard(asked);
                if !self.is_ready.swap(true, Ordering::AcqRel) {
                    self.news.notify_one();
                }
            }
            drop(cache);
            let is_more = !batch.reaches_end && !batch.records.is_empty();
            if let Some(pause) = self.log.poll_every().filter(|_| !is_more) {
                sleep(pause.min(wait)).await;
            }
        }
        End::Look
    }

    /// Whatever is stored here goes too.
    fn begin_at(&self, cache: &Cache, position: LogPosition) {
        self.skip_to(&cache.shared().stamps, position);
        cache.forget_memory();
    }

    fn apply_all(&self, cache: &Cache, batch: &Batch) {
        for (position, record) in &batch.records {
            let Shared { clock, stamps, .. } = cache.shared();
            match self.apply(stamps, clock.now(), *position, record) {
                Applied::Everything => cache.forget_memory(),
                Applied::Nothing => continue,
                Applied::Something => {}
            }
            cache.settle();
        }
        if !batch.records.is_empty() {
            self.news.notify_one();
        }
    }

    /// Up to where the log was read.
    fn read_upto(&self) -> LogPosition {
        LogPosition::from_bits(self.applied.load(Ordering::Acquire))
    }
}
