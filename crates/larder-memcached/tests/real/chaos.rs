//! Purges of several nodes, while the log loses records and its counter, is emptied, and starts anew.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use larder::shared::{InvalidationLog, LogPosition};
use larder_memcached::MemcachedTier;
use larder_servers::{Memcached, until};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What a node does that restarts the log.
const ALL: &[u8] = b"all";
/// Of each node.
const PURGES: u32 = 300;

/// What a node knows of purges.
#[derive(Debug, Default)]
struct Follower {
    applied: LogPosition,
    /// All that was stored before is dead.
    floor: LogPosition,
    seen: HashSet<Bytes>,
}

impl Follower {
    fn knows(&self, at: LogPosition, record: &Bytes) -> bool {
        self.seen.contains(record) || self.floor >= at
    }

    /// Reads once, as a cache does.
    async fn follow(&mut self, tier: &MemcachedTier) -> Option<()> {
        let batch = tier.read(self.applied, 20, Duration::ZERO).await.ok()?;
        if batch.is_anchored {
            for (at, record) in batch.records {
                assert!(at > self.applied, "{at} after {}", self.applied);
                self.applied = at;
                if record == ALL {
                    self.floor = at;
                }
                self.seen.insert(record);
            }
            return Some(());
        }
        let extent = tier.extent(self.applied).await.ok()?;
        if extent.is_anchored {
            return Some(());
        }
        if extent.oldest.is_none() || extent.newest < self.applied {
            tier.restart(self.applied, &ALL.into()).await.ok()?;
        } else {
            (self.floor, self.applied) = (extent.newest, extent.newest);
        }
        Some(())
    }
}

async fn node(server: &Memcached) -> MemcachedTier {
    MemcachedTier::builder()
        .add_servers([server.addr().to_string()])
        .gap_wait(Duration::from_millis(20))
        .longest_pause(Duration::from_millis(50))
        .connect()
        .await
        .expect("a server that runs")
}

/// Does harm to the log.
async fn harm(server: &Memcached, kind: u32) {
    let counter = server.command("get larder1:inv\r\n").await;
    let newest = counter
        .lines()
        .nth(1)
        .and_then(|number| number.parse::<u64>().ok());
    match kind {
        0 => drop(server.command("delete larder1:inv\r\n").await),
        1 => drop(server.command("flush_all\r\n").await),
        // Somebody dies between two steps.
        2..=4 => drop(server.command("ma larder1:inv\r\n").await),
        5 => server.restart().await,
        _ => {
            let lost = newest
                .unwrap_or_default()
                .saturating_sub(fastrand::u64(..5));
            drop(
                server
                    .command(&format!("delete larder1:r:{lost}\r\n"))
                    .await,
            );
        }
    }
}

/// Purges that the log took, with their positions.
type Acknowledged = Arc<Mutex<Vec<(LogPosition, Bytes)>>>;

async fn purge(tier: MemcachedTier, number: u32, acknowledged: Acknowledged) {
    for purge in 0..PURGES {
        let record = Bytes::from(format!("{number} {purge}"));
        if let Ok(at) = tier.append(&record).await {
            acknowledged.lock().expect("no panic").push((at, record));
        }
        sleep(Duration::from_millis(fastrand::u64(1..8))).await;
    }
}

/// Follows the log until nothing has come for a while after the last purge.
async fn follow(tier: MemcachedTier, is_over: Arc<AtomicBool>) -> Follower {
    let mut follower = Follower::default();
    let mut quiet = 0;
    while quiet < 20 {
        let before = follower.applied;
        let answered = follower.follow(&tier).await.is_some();
        let is_quiet = answered && follower.applied == before;
        let is_over = is_over.load(Ordering::Acquire);
        quiet = if is_quiet && is_over { quiet + 1 } else { 0 };
        sleep(Duration::from_millis(3)).await;
    }
    follower
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_purge_that_was_acknowledged_is_missed_whatever_the_log_loses() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    let (acknowledged, is_over) = (Acknowledged::default(), Arc::new(AtomicBool::new(false)));
    let (mut purging, mut following) = (JoinSet::new(), JoinSet::new());
    for number in 0..3 {
        let tier = node(&server).await;
        purging.spawn(purge(tier.clone(), number, Arc::clone(&acknowledged)));
        following.spawn(follow(tier, Arc::clone(&is_over)));
    }
    let kinds = [6, 2, 0, 7, 3, 1, 8, 5, 9, 0, 4, 6, 2, 1, 5, 7, 0, 3];
    for kind in kinds.into_iter().cycle() {
        while purging.try_join_next().is_some() {}
        if purging.is_empty() {
            break;
        }
        harm(&server, kind).await;
        sleep(Duration::from_millis(fastrand::u64(5..40))).await;
    }
    let last = node(&server).await;
    until("the log works again", Duration::from_secs(20), || async {
        let record = Bytes::from("the last");
        let at = last.append(&record).await.ok()?;
        acknowledged.lock().expect("no panic").push((at, record));
        Some(())
    })
    .await;
    is_over.store(true, Ordering::Release);
    let followers = following.join_all().await;
    let acknowledged = acknowledged.lock().expect("no panic");
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    for (at, record) in &*acknowledged {
        let missed = followers
            .iter()
            .find(|follower| !follower.knows(*at, record));
        assert!(missed.is_none(), "{at} {record:?} is unknown to {missed:?}");
    }
    let read: usize = followers.iter().map(|follower| follower.seen.len()).sum();
    assert!(read > 100, "{read}");
}
