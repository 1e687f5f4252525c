//! [`Follow`]: how a feed is followed.
//!
//! ```text
//! source ─▶ reader ─▶ queue ─▶ applier ─▶ cache
//!             ▲                   │
//!             └──── room ◀────────┘        the source is asked when there is room
//! ```
//!
//! A value counts as of the moment at which the source gave it: a purge by somebody else, made while
//! the value waits in the queue, is not undone by it. The feed's own purges came before it, so they
//! are carried out before the source is asked again.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{fmt, thread};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::change::Change;
use super::feed::{Counters, Feed, FeedCounts};
use super::fence::Fence;
use super::source::Source;
use crate::cache::Cache;
use crate::trace;

impl Cache {
    /// Follows a source of changes: what it puts is stored, what it purges is dropped, in the order in
    /// which it comes. Nothing happens until [`Follow::spawn`] or [`Follow::run`].
    ///
    /// A value is as of the moment at which the source gave it, or of its own
    /// [fence](crate::Put::since): what is purged after that, and before the value is stored, by
    /// whomever, keeps it out. What cannot be stored is told as an event, counted, and left out.
    /// [`Change::Lost`] purges everything.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::{Request, Response};
    /// use larder::{Cache, Change, Purge, Put, RoutePolicy};
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = Cache::builder().build();
    /// let (changes, source) = mpsc::channel::<Change>(16);
    /// let mut feed = cache.follow(source).queue(64).spawn();
    ///
    /// let policy = RoutePolicy::shared(Duration::from_secs(60)).tag("products");
    /// let request = Request::get("/products/42").header("host", "shop.example").body(()).unwrap();
    /// let put = Put::new(&request, Response::new("a pan"), policy);
    /// changes.send(Purge::tag("products").into()).await.unwrap();
    /// changes.send(put.into()).await.unwrap();
    ///
    /// drop(changes);
    /// feed.ended().await;
    /// assert_eq!((feed.counts().purges(), feed.counts().puts()), (1, 1));
    /// assert_eq!(cache.stats().responses(), 1);
    /// # }
    /// ```
    pub fn follow<S: Source>(&self, source: S) -> Follow<S> {
        Follow {
            cache: self.clone(),
            source,
            queue: DEFAULT_QUEUE,
            first: DEFAULT_FIRST,
            most: DEFAULT_MOST,
            on_error: Box::new(|_| true),
        }
    }
}

/// How a source of changes is followed; see [`Cache::follow`].
#[must_use = "a source is not followed until `spawn` or `run`"]
pub struct Follow<S: Source> {
    cache: Cache,
    source: S,
    queue: u32,
    first: Duration,
    most: Duration,
    on_error: Box<OnError<S::Error>>,
}

type OnError<E> = dyn FnMut(&E) -> bool + Send;

impl<S: Source> Follow<S> {
    /// Most changes that wait to be carried out, the one that is being carried out included; at least
    /// one. While there are so many the source is not asked. Values that wait are in memory with their
    /// bodies, which no other limit counts. Default: 1024.
    pub fn queue(self, changes: usize) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let queue = u32::try_from(changes.clamp(1, most)).unwrap_or(u32::MAX);
        Self { queue, ..self }
    }

    /// How long nobody asks a source that failed: `first` after its first error, twice as long after
    /// each that follows it at once, `most` at most. Default: 100 milliseconds, and 30 seconds.
    pub fn retry_after(self, first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            ..self
        }
    }

    /// Is told of each error of the source, and says whether the source is to be asked again. If not,
    /// the feed ends once all that was queued is carried out. Default: it is asked again.
    pub fn on_error(self, ask_again: impl FnMut(&S::Error) -> bool + Send + 'static) -> Self {
        Self {
            on_error: Box::new(ask_again),
            ..self
        }
    }

    /// Follows the source in the background, as long as the [`Feed`] is there.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn(self) -> Feed {
        let counts = Arc::<Counters>::default();
        let task = tokio::spawn(self.follow(Arc::clone(&counts)));
        Feed::new(counts, task)
    }

    /// Follows the source to its end, or as long as this is polled. To be called within a tokio
    /// runtime.
    pub async fn run(self) -> FeedCounts {
        let mut feed = self.spawn();
        feed.ended().await;
        feed.counts()
    }

    async fn follow(self, counts: Arc<Counters>) {
        let (send, receive) = unbounded_channel();
        let applier = Applier {
            cache: self.cache.clone(),
            watch: Watch(Arc::clone(&counts)),
        };
        let reader = Reader {
            room: Arc::new(Semaphore::new(self.queue as usize)),
            follow: self,
            watch: Watch(counts),
            queue: send,
        };
        // Goes with this.
        let mut reading = JoinSet::new();
        reading.spawn(reader.run());
        applier.run(receive).await;
    }
}

/// A change, the fence that was taken when it came, and its place in the queue.
struct Queued {
    change: Change,
    fence: Fence,
    _room: OwnedSemaphorePermit,
}

/// Asks the source.
struct Reader<S: Source> {
    follow: Follow<S>,
    room: Arc<Semaphore>,
    /// Goes before the queue: whoever sees the feed ended sees why.
    watch: Watch,
    queue: UnboundedSender<Queued>,
}

impl<S: Source> Reader<S> {
    async fn run(mut self) {
        while let Ok(room) = Arc::clone(&self.room).acquire_owned().await {
            let Some(change) = self.ask().await else {
                return;
            };
            let comes_first = !matches!(change, Change::Put(_));
            let queued = Queued {
                change,
                fence: self.follow.cache.fence(),
                _room: room,
            };
            Counters::add(&self.watch.0.queued);
            if self.queue.send(queued).is_err() {
                return;
            }
            if comes_first {
                // All room is there once everything is carried out.
                let all = self.room.acquire_many(self.follow.queue).await;
                drop(all);
            }
        }
    }

    async fn ask(&mut self) -> Option<Change> {
        let Follow { first, most, .. } = self.follow;
        let mut pause = first.min(most);
        loop {
            let error = match self.follow.source.next().await? {
                Ok(change) => return Some(change),
                Err(error) => error,
            };
            Counters::add(&self.watch.0.errors);
            trace::feed_failed(&error);
            if !(self.follow.on_error)(&error) {
                return None;
            }
            drop(error);
            let timer = &self.follow.cache.shared().timer;
            if !timer.works() {
                self.watch.broke("no timers");
                return None;
            }
            let _ = timer.timeout(pause, pending::<()>()).await;
            pause = pause.saturating_mul(2).min(most);
        }
    }
}

/// Carries out what is queued.
struct Applier {
    cache: Cache,
    watch: Watch,
}

impl Applier {
    async fn run(self, mut queue: UnboundedReceiver<Queued>) {
        while let Some(queued) = queue.recv().await {
            self.apply(queued);
        }
    }

    fn apply(&self, queued: Queued) {
        let Queued {
            change,
            fence,
            _room,
        } = queued;
        let counts = &self.watch.0;
        counts.queued.fetch_sub(1, Ordering::Relaxed);
        let (counter, kind) = match change {
            Change::Lost => {
                trace::feed_lost();
                self.cache.clear();
                (&counts.lost, "lost")
            }
            Change::Purge(purge) => {
                self.cache.purge(purge);
                (&counts.purges, "purge")
            }
            Change::Put(put) => match put.carry_out(&self.cache, &fence) {
                Ok(_) => (&counts.puts, "put"),
                Err(_) => (&counts.refused, "refused"),
            },
        };
        Counters::add(counter);
        Counters::add(&counts.applied);
        trace::fed(kind);
    }
}

/// Tells of a panic that ends a feed.
struct Watch(Arc<Counters>);

impl Watch {
    fn broke(&self, cause: &'static str) {
        Counters::add(&self.0.broke);
        trace::feed_broke(cause);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.broke("panic");
        }
    }
}

impl<S: Source> fmt::Debug for Follow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

const DEFAULT_QUEUE: u32 = 1024;
const DEFAULT_FIRST: Duration = Duration::from_millis(100);
const DEFAULT_MOST: Duration = Duration::from_secs(30);
