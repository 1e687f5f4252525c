//! [`FakeStore`]: the handle that tests keep, and what it is told to do wrong.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder::shared::{EntryKey, LogPosition};
use tokio::time::Instant;

use super::counts::Counts;
use super::journal::Journal;
use super::shelf::Shelf;
use super::state::Inner;

/// A shared store within the process: an [`EntryStore`](larder::shared::EntryStore) and an
/// [`InvalidationLog`](larder::shared::InvalidationLog), as a server would be, that does wrong what it
/// is told to.
///
/// Clones are the same store. Each node of a test gets a [link](Self::link) of its own, which can be cut,
/// frozen and delayed by itself; what is asked of the store directly passes no link and meets no such
/// fault.
///
/// Values, leases and nodes expire by tokio's time, and what waits waits by it: a test with paused time
/// never sleeps, and runs the same way each time. Each call is one step.
///
/// ```
/// use bytes::Bytes;
/// use larder::shared::{InvalidationLog, StoreErrorKind};
/// use larder_testing::FakeStore;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let store = FakeStore::new();
/// let (here, there) = (store.link(), store.link());
///
/// there.cut();
/// here.append(&Bytes::from("a purge")).await.unwrap();
/// let failed = there.nodes().await.unwrap_err();
/// assert_eq!(failed.kind(), StoreErrorKind::Unreachable);
///
/// there.heal();
/// assert_eq!(there.nodes().await.unwrap(), []);
/// assert_eq!(store.records().len(), 1);
/// # }
/// ```
///
/// # A test of two nodes
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
///
/// use axum::body::{Body, to_bytes};
/// use axum::http::Request;
/// use axum::{Router, routing::get};
/// use larder::{Cache, Purge, RoutePolicy};
/// use larder_axum::Cached;
/// use larder_testing::{FakeLink, FakeStore};
/// use tower::ServiceExt;
///
/// /// How often the application was asked.
/// #[derive(Clone, Default)]
/// struct Calls(Arc<AtomicUsize>);
///
/// async fn node(link: FakeLink) -> Cache {
///     let cache = Cache::builder().shared(link).build();
///     while !cache.is_joined() {
///         tokio::time::sleep(Duration::from_millis(10)).await;
///     }
///     cache
/// }
///
/// async fn news(cache: &Cache, calls: &Calls) -> String {
///     let policy = RoutePolicy::shared(Duration::from_secs(60)).tag("news");
///     let calls = calls.0.clone();
///     let handler = move || async move {
///         format!("edition {}", calls.fetch_add(1, Ordering::SeqCst) + 1)
///     };
///     let app = Router::new().route("/news", get(handler).cached(cache, policy));
///     let response = app.oneshot(Request::get("/news").body(Body::empty()).unwrap()).await;
///     let body = to_bytes(response.unwrap().into_body(), usize::MAX).await.unwrap();
///     // What is stored is written in the background.
///     tokio::time::sleep(Duration::from_millis(100)).await;
///     String::from_utf8(body.to_vec()).unwrap()
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (store, calls) = (FakeStore::new(), Calls::default());
/// let (here_link, there_link) = (store.link(), store.link());
/// let (here, there) = (node(here_link).await, node(there_link.clone()).await);
///
/// // What one node stored the other serves.
/// assert_eq!(news(&here, &calls).await, "edition 1");
/// assert_eq!(news(&there, &calls).await, "edition 1");
///
/// // What one purged is gone on the other.
/// let purged = here.purge(Purge::tag("news")).everywhere(Duration::from_secs(1)).await;
/// assert_eq!(purged.unwrap(), 2);
/// assert_eq!(news(&there, &calls).await, "edition 2");
///
/// // A node that is cut off serves what others may have purged, but not for long.
/// there_link.cut();
/// here.purge(Purge::tag("news"));
/// assert_eq!(news(&there, &calls).await, "edition 2");
/// tokio::time::sleep(Duration::from_secs(60)).await;
/// assert_eq!(news(&there, &calls).await, "edition 3");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FakeStore(Arc<Inner>);

/// What a [`FakeStore`] held at a moment.
#[derive(Debug, Clone)]
pub struct Snapshot(Shelf, Journal);

impl FakeStore {
    /// An empty store. Its clock begins on 2027-01-15 at 08:00 GMT and goes with tokio's time.
    #[must_use]
    pub fn new() -> Self {
        Self::with_time(clock())
    }

    /// The same with another clock: the time that is in the positions of the log, and that the log
    /// tells. It does not move what expires.
    #[must_use]
    pub fn with_time(time: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner::new(time, None)))
    }

    /// A store whose log cannot wait, and wants to be asked every so often.
    #[must_use]
    pub fn polled(every: Duration) -> Self {
        Self(Arc::new(Inner::new(clock(), Some(every))))
    }

    /// The calls that arrived, over all links.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.state().counts
    }

    /// Drops all values and leases.
    pub fn forget_entries(&self) {
        self.0.state().shelf.forget();
    }

    /// Deletes the log: the next record begins a new one, by the clock.
    pub fn forget_log(&self) {
        self.0.change(|state| state.journal.forget());
    }

    /// Drops everything: values, leases, the log, the nodes.
    pub fn flush(&self) {
        self.0.change(|state| {
            state.shelf.forget();
            state.journal.forget();
            state.journal.forget_nodes();
        });
    }

    /// Forgets all but the newest records. Of the newest of all, the position stays known.
    pub fn trim_log(&self, keep: usize) {
        self.0.change(|state| state.journal.trim(keep));
    }

    /// Loses the records after a position, as a replica does that becomes the primary too early.
    pub fn rewind_log(&self, to: LogPosition) {
        self.0.change(|state| state.journal.rewind(to));
    }

    /// What it holds now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.0.state();
        Snapshot(state.shelf.clone(), state.journal.clone())
    }

    /// Goes back to what it held, as a server does that restarts from an old dump.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.0.change(|state| {
            state.shelf = snapshot.0.clone();
            state.journal = snapshot.1.clone();
        });
    }

    /// Drops so many values (all, if there are fewer), drawn by a seed.
    pub fn evict(&self, count: usize, seed: u64) {
        let mut keys = self.keys();
        fastrand::Rng::with_seed(seed).shuffle(&mut keys);
        let mut state = self.0.state();
        for key in keys.iter().take(count) {
            state.shelf.remove(key);
        }
    }

    /// From now on all that writes is refused: values, leases, records, nodes. What is dropped is.
    pub fn fill_up(&self) {
        self.0.state().is_full = true;
    }

    /// The end of [`fill_up`](Self::fill_up).
    pub fn make_room(&self) {
        self.0.state().is_full = false;
    }

    /// Writes these bytes under a key, whatever stands there. They expire when that would have; after
    /// an hour where nothing stood.
    pub fn corrupt(&self, key: &EntryKey, value: impl Into<Bytes>) {
        let mut state = self.0.state();
        state.shelf.overwrite(key, value.into(), Instant::now());
    }

    /// Whoever reads the log gets so many records at most, though he asked for more and more are there: as
    /// from a log that breaks off before one that is still being written. `None`: the end of that.
    pub fn read_at_most(&self, records: Option<usize>) {
        self.0.state().most_read = records;
    }

    /// The keys that something stands under, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<EntryKey> {
        self.0.state().shelf.keys(Instant::now())
    }

    /// What stands under exactly this key: with no variant, the value or the rule under the primary key.
    #[must_use]
    pub fn value(&self, key: &EntryKey) -> Option<Bytes> {
        self.0.state().shelf.value(key, Instant::now())
    }

    /// The records that are retained, in order.
    #[must_use]
    pub fn records(&self) -> Vec<(LogPosition, Bytes)> {
        self.0.state().journal.records()
    }

    /// The time by the clock of the store.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.0.now()
    }

    /// The clock is so far behind what it would be; zero sets it right again.
    pub fn set_clock_back(&self, by: Duration) {
        let mut state = self.0.state();
        (state.back, state.ahead) = (by, Duration::ZERO);
    }

    /// The clock is so far ahead of what it would be; zero sets it right again.
    pub fn set_clock_ahead(&self, by: Duration) {
        let mut state = self.0.state();
        (state.back, state.ahead) = (Duration::ZERO, by);
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Default for FakeStore {
    fn default() -> Self {
        Self::new()
    }
}

fn clock() -> impl Fn() -> SystemTime {
    let began = Instant::now();
    move || SystemTime::UNIX_EPOCH + Duration::from_secs(BEGINNING) + began.elapsed()
}

/// 2027-01-15 08:00:00 GMT.
const BEGINNING: u64 = 1_800_000_000;
