//! [`Oracle`]: what was changed and what was answered, and whether the one fits the other.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::servers::{BOUND, LEASE, WITHIN};

/// Moments are counted in milliseconds.
const GRAIN: Duration = Duration::from_millis(5);
/// How long a node pauses at most between two looks whether another has fetched something.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(crate) struct Oracle {
    answers: Mutex<Vec<Answer>>,
    changes: Mutex<Vec<Change>>,
    /// From when to when a node did not run.
    stopped: Mutex<Vec<(usize, Instant, Instant)>>,
}

/// What a client was told.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) node: usize,
    pub(crate) path: String,
    /// `None`: it was no answer.
    pub(crate) version: Option<u64>,
    /// `Cache-Status`, or what was wrong.
    pub(crate) how: String,
    pub(crate) began: Instant,
    pub(crate) took: Duration,
}

/// What was changed and then purged.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) node: usize,
    pub(crate) path: String,
    pub(crate) version: u64,
    /// When the purge returned.
    pub(crate) purged: Instant,
    /// When it stood in the log.
    pub(crate) acknowledged: Option<Instant>,
}

impl Answer {
    /// Told as a fresh hit.
    pub(crate) fn is_fresh(&self) -> bool {
        let ttl = self
            .how
            .split("; ")
            .find_map(|part| part.strip_prefix("ttl="));
        let ttl = ttl.and_then(|ttl| ttl.parse::<i64>().ok());
        self.how.starts_with("larder; hit") && ttl.is_some_and(|ttl| ttl > 0)
    }
}

impl Oracle {
    pub(crate) fn answered(&self, answer: Answer) {
        self.answers.lock().unwrap().push(answer);
    }

    /// Returns its number.
    pub(crate) fn changed(&self, change: Change) -> usize {
        let mut changes = self.changes.lock().unwrap();
        changes.push(change);
        changes.len() - 1
    }

    pub(crate) fn acknowledged(&self, number: usize) {
        self.changes.lock().unwrap()[number].acknowledged = Some(Instant::now());
    }

    pub(crate) fn stopped(&self, node: usize, from: Instant) {
        let stop = (node, from, Instant::now());
        self.stopped.lock().unwrap().push(stop);
    }

    /// Those that began between two moments.
    pub(crate) fn answers(&self, from: Instant, to: Instant) -> Vec<Answer> {
        let answers = self.answers.lock().unwrap();
        let between = |answer: &&Answer| answer.began >= from && answer.began < to;
        answers.iter().filter(between).cloned().collect()
    }

    /// All of it. `lags` is how much too late each node ran.
    pub(crate) fn check(&self, handler: Duration, lags: &[Duration]) {
        let (answers, changes) = (self.answers.lock().unwrap(), self.changes.lock().unwrap());
        for answer in answers.iter() {
            let version = answer.version;
            let version = version.unwrap_or_else(|| panic!("a request failed: {answer:?}"));
            self.check_time(answer, handler, lags[answer.node]);
            let missed = changes.iter().find(|change| {
                change.path == answer.path && change.version > version && is_due(change, answer)
            });
            assert!(
                missed.is_none(),
                "older than a purge:\n{answer:#?}\n{missed:#?}"
            );
        }
    }

    /// Whoever leads a fill waits for another node as long as a lease lasts, then goes himself; whoever waits
    /// for him may have to do all of that again. Each look at the store takes no longer than it may.
    fn check_time(&self, answer: &Answer, handler: Duration, lag: Duration) {
        let ended = answer.began + answer.took;
        let stopped = self.stopped.lock().unwrap();
        let overlaps = |(node, from, to): &(usize, Instant, Instant)| {
            *node == answer.node && answer.began < *to && ended > *from
        };
        if stopped.iter().any(overlaps) {
            return;
        }
        let limit = 2 * (LEASE + PAUSE + 3 * WITHIN + handler) + 6 * lag;
        assert!(
            answer.took <= limit,
            "longer than {limit:?} (lag {lag:?}): {answer:#?}"
        );
    }
}

/// Whether a purge has to be known to whoever answers a request.
fn is_due(change: &Change, answer: &Answer) -> bool {
    // On the node that purged at once, whatever the answer is.
    if change.node == answer.node && change.purged <= answer.began {
        return true;
    }
    let acknowledged = change.acknowledged;
    answer.is_fresh() && acknowledged.is_some_and(|at| at + BOUND + GRAIN <= answer.began)
}
