//! [`KeepFresh`]: refreshes the responses to named requests before they expire.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use larder_policy::fields::CacheName;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};
use tower_service::Service;

use super::ask::{Answer, Asking, Lost};
use super::rhythm::Rhythm;
use super::scheduled::{Counts, Scheduled};
use crate::cache::Cache;
use crate::errand::{Came, Errand};
use crate::probe::Probe;
use crate::timer::after;

impl Cache {
    /// Keeps the responses to these requests fresh: each is fetched if it is not stored, and then
    /// validated again and again although it is fresh, so that nobody who asks for it has to wait.
    /// Nothing is sent before [`KeepFresh::spawn`].
    ///
    /// `service` is one whose answers come through this cache, such as a whole router. The requests
    /// are kept, without their content, and sent as they are; to the inner service goes what goes there
    /// when a stored response is validated in the background, narrowed to what its route declares. It
    /// counts as such a validation: the old response is served until all of the new one is there, a
    /// failure leaves it where it is, one request at a time is made for it, and what was purged
    /// meanwhile does not come back. What is purged, or leaves the store for want of memory, is fetched
    /// anew when its time comes, or by whoever asks for it before.
    ///
    /// Cost: a timer for all, a copy of each request, and for those that are under way a task and one of
    /// the pieces of [background work](crate::CacheBuilder::max_background).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{Empty, Full};
    /// use larder::{Cache, CacheLayer, RoutePolicy};
    /// use tower::{ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let front_page = service_fn(|_: Request<Empty<Bytes>>| async {
    ///     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("fresh bread")))
    /// });
    /// # let begun = tokio::time::Instant::now();
    /// # let clock = larder::Clock::from_fn(move || std::time::SystemTime::UNIX_EPOCH + begun.elapsed());
    /// # let cache = Cache::builder().clock(clock).build();
    /// # /*
    /// let cache = Cache::builder().build();
    /// # */
    /// let minute = Duration::from_secs(60);
    /// let layer = CacheLayer::new(cache.clone()).with_route_policy(RoutePolicy::shared(minute));
    /// let service = ServiceBuilder::new().layer(layer).service(front_page);
    ///
    /// let front_page = Request::get("http://example.com/").body(Empty::new()).unwrap();
    /// let scheduled = cache.keep_fresh(service, [front_page])
    ///     .every(Duration::from_secs(30))
    ///     .spawn();
    /// # tokio::time::sleep(Duration::from_secs(100)).await;
    /// assert!(scheduled.is_running() && scheduled.refreshed() > 3);
    /// # }
    /// ```
    pub fn keep_fresh<S, B>(
        &self,
        service: S,
        requests: impl IntoIterator<Item = Request<B>>,
    ) -> KeepFresh<S, B> {
        let parts = requests.into_iter().map(|request| request.into_parts().0);
        KeepFresh {
            asking: Asking {
                cache: self.clone(),
                service,
                name: CacheName::default(),
            },
            requests: parts.collect(),
            rhythm: Rhythm {
                every: None,
                ahead: None,
                jitter: DEFAULT_JITTER,
            },
            concurrency: DEFAULT_CONCURRENCY,
            body: PhantomData,
        }
    }
}

/// Requests whose responses are to be kept fresh; see [`Cache::keep_fresh`].
#[must_use = "nothing is sent before it is spawned"]
pub struct KeepFresh<S, B> {
    asking: Asking<S>,
    requests: Vec<Parts>,
    rhythm: Rhythm,
    concurrency: usize,
    body: PhantomData<fn() -> B>,
}

impl<S, B> KeepFresh<S, B> {
    /// Refreshes each response so often, whatever its lifetime; at most ten times a second. One that
    /// another request has brought within half of the period is left for another period. With
    /// [`ahead`](Self::ahead) whichever comes first counts.
    pub const fn every(mut self, period: Duration) -> Self {
        self.rhythm.every = Some(period);
        self
    }

    /// Refreshes each response so long before it expires: by what is stored then, so that what another
    /// request has refreshed is not asked for again. One that is fresh for less than twice as long is
    /// refreshed after half its time. Default: 5 seconds, unless [`every`](Self::every) is given.
    pub const fn ahead(mut self, before: Duration) -> Self {
        self.rhythm.ahead = Some(before);
        self
    }

    /// How many requests are under way at a time; 0 is taken for 1. Default: 4.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// By up to so many percent waits are changed at random, so that what was asked for together is not
    /// asked for together again: refreshes come that much earlier, tries after failures later. More
    /// than 100 is taken for 100. Default: 10.
    pub fn jitter_percent(mut self, percent: u8) -> Self {
        self.rhythm.jitter = f64::from(percent.min(100)) / 100.0;
        self
    }

    /// Begins, on the present tokio runtime. At first each response that is not stored, or not fresh,
    /// is fetched; one that is fresh is left until its time comes.
    ///
    /// What comes to nothing is tried again after a second, and after twice as long each time that it
    /// comes to nothing again, up to a minute. That goes for an error of the service, a panic, a
    /// response that is not stored, and more time than
    /// [`CacheBuilder::finish_within`](crate::CacheBuilder::finish_within).
    ///
    /// Without a tokio runtime, or without its timers, nothing is done.
    pub fn spawn<C>(self) -> Scheduled
    where
        S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Default + Send + 'static,
        C: Body + Send + 'static,
        C::Data: Send,
        C::Error: Send,
    {
        let counts = Arc::<Counts>::default();
        let runtime = Handle::try_current().ok();
        let runtime = runtime.filter(|_| self.asking.cache.shared().timer.works());
        let schedule = Schedule::new(self, Arc::clone(&counts));
        let task = runtime.map(|runtime| runtime.spawn(schedule.run()).abort_handle());
        Scheduled::new(task, counts)
    }
}

impl<S, B> fmt::Debug for KeepFresh<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepFresh")
            .field("requests", &self.requests.len())
            .field("rhythm", &self.rhythm)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// The requests, and when they are made next.
struct Schedule<S, B> {
    asking: Asking<S>,
    rhythm: Rhythm,
    concurrency: usize,
    named: Vec<Named>,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    running: JoinSet<Result<Answer, Lost>>,
    /// Which request is whose, and since when it is under way.
    whose: HashMap<Id, (usize, Instant)>,
    counts: Arc<Counts>,
    body: PhantomData<fn() -> B>,
}

struct Named {
    request: Parts,
    /// See [`Next::ahead`](super::rhythm::Next::ahead).
    ahead: Option<Duration>,
    failures: u32,
}

impl<S, B> Schedule<S, B> {
    fn new(keep: KeepFresh<S, B>, counts: Arc<Counts>) -> Self {
        let named = keep.requests.into_iter().map(|request| Named {
            request,
            ahead: Some(Duration::ZERO),
            failures: 0,
        });
        Self {
            asking: keep.asking,
            rhythm: keep.rhythm,
            concurrency: keep.concurrency,
            named: named.collect(),
            due: BinaryHeap::new(),
            running: JoinSet::new(),
            whose: HashMap::new(),
            counts,
            body: PhantomData,
        }
    }

    async fn run<C>(mut self)
    where
        S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Default + Send + 'static,
        C: Body + Send + 'static,
        C::Data: Send,
        C::Error: Send,
    {
        let now = Instant::now();
        self.due
            .extend((0..self.named.len()).map(|at| Reverse((now, at))));
        loop {
            self.start();
            let joined = match self.next() {
                Some(at) if self.running.is_empty() => {
                    sleep_until(at).await;
                    continue;
                }
                Some(at) => match timeout_at(at, self.running.join_next_with_id()).await {
                    Ok(joined) => joined,
                    Err(_) => continue,
                },
                None => self.running.join_next_with_id().await,
            };
            match joined {
                None => return,
                Some(Ok((id, answer))) => self.done(id, answer.as_ref().map_err(|lost| *lost)),
                Some(Err(panicked)) => self.done(panicked.id(), Err(Lost)),
            }
        }
    }

    /// Makes the requests whose time has come, as far as there is room.
    fn start<C>(&mut self)
    where
        S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Default + Send + 'static,
        C: Body + Send + 'static,
        C::Data: Send,
        C::Error: Send,
    {
        let (now, clock) = (Instant::now(), &self.asking.cache.shared().clock);
        while self.next().is_some_and(|due| due <= now) {
            let Some(Reverse((_, at))) = self.due.pop() else {
                return;
            };
            let Some(named) = self.named.get(at) else {
                continue;
            };
            let mut request = Request::from_parts(named.request.clone(), B::default());
            request.extensions_mut().insert(Probe::refreshing());
            let errand = Errand::new(self.rhythm.due(named.ahead, clock.now()));
            let asked = self.asking.clone().ask(request, errand);
            let id = self.running.spawn(asked).id();
            self.whose.insert(id, (at, now));
        }
    }

    /// When there is something to do next, if there is room for it.
    fn next(&self) -> Option<Instant> {
        let Reverse((at, _)) = self.due.peek()?;
        (self.running.len() < self.concurrency).then_some(*at)
    }

    fn done(&mut self, id: Id, answer: Result<&Answer, Lost>) {
        let Some((at, begun)) = self.whose.remove(&id) else {
            return;
        };
        let Some(named) = self.named.get_mut(at) else {
            return;
        };
        let (counts, chance) = (&self.counts, fastrand::f64());
        let now = self.asking.cache.shared().clock.now();
        let (count, pause) = match answer.ok().and_then(|answer| answer.came) {
            Some(Came::Kept { until, anew }) if until > now => {
                let left = until.duration_since(now).unwrap_or_default();
                let next = self.rhythm.next(begun.elapsed(), left, chance);
                (named.ahead, named.failures) = (next.ahead, 0);
                let count = if anew {
                    &counts.refreshed
                } else {
                    &counts.found
                };
                (count, next.after)
            }
            Some(Came::Busy | Came::Shared) => (&counts.busy, self.rhythm.again(1, chance)),
            _ => {
                named.failures = named.failures.saturating_add(1);
                let pause = self.rhythm.again(named.failures, chance);
                (&counts.failed, pause)
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.due.push(Reverse((after(pause), at)));
    }
}

const DEFAULT_CONCURRENCY: usize = 4;
const DEFAULT_JITTER: f64 = 0.1;
