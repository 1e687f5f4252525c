//! What a node may serve as fresh, worked out from outside.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Times are counted in whole milliseconds.
const GRAIN: Duration = Duration::from_millis(2);

pub(super) type Versions = Vec<(String, u64)>;

pub(super) struct Oracle {
    /// How long a purge may be missed.
    bound: Duration,
    purges: Vec<Made>,
    /// What each node has purged itself.
    own: HashMap<(usize, String), u64>,
    /// When the log lost what it had acknowledged.
    lost: Option<Instant>,
    /// Since when nothing is wrong with a node's link.
    well: Vec<Option<Instant>>,
    /// Since when the store has room for records.
    room: Option<Instant>,
}

struct Made {
    by: usize,
    versions: Versions,
    acknowledged: Option<Instant>,
}

impl Oracle {
    pub(super) fn new(bound: Duration, nodes: usize) -> Self {
        Self {
            bound,
            purges: Vec::new(),
            own: HashMap::new(),
            lost: None,
            well: vec![Some(Instant::now()); nodes],
            room: Some(Instant::now()),
        }
    }

    /// A node purged everything that is older than these versions. Returns a number for it.
    pub(super) fn purged(&mut self, by: usize, versions: Versions) -> usize {
        for (path, version) in &versions {
            self.own.insert((by, path.clone()), *version);
        }
        self.purges.push(Made {
            by,
            versions,
            acknowledged: None,
        });
        self.purges.len() - 1
    }

    pub(super) fn acknowledged(&mut self, purge: usize) {
        self.purges[purge].acknowledged = Some(Instant::now());
    }

    pub(super) fn all_acknowledged(&self) -> bool {
        self.purges.iter().all(|made| made.acknowledged.is_some())
    }

    /// The log may have lost what it has acknowledged.
    pub(super) fn lost(&mut self) {
        self.lost = Some(Instant::now());
    }

    pub(super) fn is_well(&mut self, node: usize, is: bool) {
        let since = &mut self.well[node];
        *since = is.then(|| since.unwrap_or_else(Instant::now));
    }

    pub(super) fn has_room(&mut self, has: bool) {
        let since = &mut self.room;
        *since = has.then(|| since.unwrap_or_else(Instant::now));
    }

    /// The oldest version that a node may serve as fresh for a request that comes now.
    pub(super) fn oldest(&self, node: usize, path: &str) -> u64 {
        let now = Instant::now();
        let known = self.purges.iter().filter(|made| self.is_due(made, now));
        let versions = known.flat_map(|made| &made.versions);
        let of_path = versions.filter(|(of, _)| of == path);
        let elsewhere = of_path.map(|(_, version)| *version).max();
        let own = self.own.get(&(node, path.to_owned())).copied();
        own.max(elsewhere).unwrap_or_default()
    }

    /// A purge that the log has lost is known again once its node, which has to find that out, could.
    fn is_due(&self, made: &Made, now: Instant) -> bool {
        let Some(acknowledged) = made.acknowledged else {
            return false;
        };
        let in_doubt = acknowledged - Duration::from_secs(1);
        let since = match self.lost.filter(|lost| *lost >= in_doubt) {
            None => acknowledged,
            Some(lost) => match (self.well[made.by], self.room) {
                (Some(well), Some(room)) => lost.max(well).max(room).max(acknowledged) + self.bound,
                _ => return false,
            },
        };
        since + self.bound + GRAIN < now
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const BOUND: Duration = Duration::from_secs(2);

    /// What it had acknowledged it has lost, and there is nobody who could tell it again.
    #[tokio::test(start_paused = true)]
    async fn a_lost_purge_is_not_due_while_the_store_is_too_full_to_take_it_again() {
        let mut oracle = Oracle::new(BOUND, 2);
        let purge = oracle.purged(1, vec![("/a".to_owned(), 2)]);
        oracle.acknowledged(purge);
        oracle.lost();
        oracle.has_room(false);
        advance(10 * BOUND).await;
        assert_eq!((oracle.oldest(0, "/a"), oracle.oldest(1, "/a")), (0, 2));
        oracle.has_room(true);
        advance(BOUND).await;
        assert_eq!(oracle.oldest(0, "/a"), 0);
        advance(BOUND + 2 * GRAIN).await;
        assert_eq!(oracle.oldest(0, "/a"), 2);
    }
}
