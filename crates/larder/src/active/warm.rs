//! [`Warm`]: fills a cache before its users come.

use std::fmt;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use larder_policy::fields::CacheName;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tower_service::Service;

use super::ask::{Answer, Asking, Lost};
use super::progress::{Progress, Warmed};
use crate::cache::Cache;
use crate::errand::{Due, Errand};

impl Cache {
    /// Sends requests through a service whose answers come through this cache, a whole router for
    /// instance, and reads their bodies to the end, so that what may be stored is stored. Nothing is
    /// sent before [`Warm::run`].
    ///
    /// The requests are like those of clients: they meet the same layers, authentication included,
    /// follow and are followed, are counted, and find what is stored already. They are taken from the
    /// iterator one by one, when there is room for the next.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{Empty, Full};
    /// use larder::{Cache, CacheLayer, RoutePolicy};
    /// use tower::{ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let products = service_fn(|_: Request<Empty<Bytes>>| async {
    ///     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("fresh bread")))
    /// });
    /// let cache = Cache::builder().build();
    /// let minute = std::time::Duration::from_secs(60);
    /// let layer = CacheLayer::new(cache.clone()).with_route_policy(RoutePolicy::shared(minute));
    /// let service = ServiceBuilder::new().layer(layer).service(products);
    ///
    /// let paths = (0..100).map(|id| format!("http://example.com/products/{id}"));
    /// let requests = paths.map(|uri| Request::get(uri).body(Empty::new()).unwrap());
    /// let warmed = cache.warm(service, requests)
    ///     .concurrency(4)
    ///     .on_progress(|progress| println!("{} of 100", progress.done()))
    ///     .run()
    ///     .await;
    /// assert!(warmed.is_complete());
    /// assert_eq!(warmed.progress().stored(), 100);
    /// # }
    /// ```
    pub fn warm<S, I: IntoIterator>(&self, service: S, requests: I) -> Warm<S, I::IntoIter> {
        Warm {
            asking: Asking {
                cache: self.clone(),
                service,
                name: CacheName::default(),
            },
            requests: requests.into_iter(),
            concurrency: DEFAULT_CONCURRENCY,
            on_progress: None,
        }
    }
}

/// Requests that are to fill a cache; see [`Cache::warm`].
#[must_use = "nothing is sent before it is run"]
pub struct Warm<S, I> {
    asking: Asking<S>,
    requests: I,
    concurrency: usize,
    on_progress: Option<Box<dyn FnMut(&Progress) + Send>>,
}

impl<S, I> Warm<S, I> {
    /// How many requests are under way at a time; 0 is taken for 1. Default: 8.
    pub fn concurrency(self, requests: usize) -> Self {
        Self {
            concurrency: requests.max(1),
            ..self
        }
    }

    /// What the cache calls itself in `Cache-Status`, if a policy gives it
    /// [another name](crate::Policy::with_name). Default: `larder`.
    pub fn cache_name(mut self, name: CacheName) -> Self {
        self.asking.name = name;
        self
    }

    /// Is told each time that a request is done. Default: nobody is.
    pub fn on_progress(self, tell: impl FnMut(&Progress) + Send + 'static) -> Self {
        Self {
            on_progress: Some(Box::new(tell)),
            ..self
        }
    }

    /// Sends the requests, and tells what came of them. An error of the service, or a panic, is that
    /// request's only; each has [so long](crate::CacheBuilder::finish_within).
    ///
    /// Dropped before it is ready, it sends no more. What was asked for then may be fetched to its end
    /// all the same, as when a client leaves
    /// ([`CacheLayer::with_finish_on_disconnect`](crate::CacheLayer::with_finish_on_disconnect)).
    ///
    /// Without a tokio runtime the requests are made one after the other, and a panic is the
    /// caller's.
    pub async fn run<B, C>(mut self) -> Warmed
    where
        I: Iterator<Item = Request<B>>,
        S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        B: Send + 'static,
        C: Body + Send + 'static,
        C::Data: Send,
        C::Error: Send,
    {
        let total = match self.requests.size_hint() {
            (least, Some(most)) if least == most => Some(most as u64),
            _ => None,
        };
        let mut progress = Progress::of(total);
        let (mut running, mut is_over) = (JoinSet::new(), false);
        loop {
            while !is_over && running.len() < self.concurrency {
                let Some(request) = self.requests.next() else {
                    is_over = true;
                    break;
                };
                let asking = self.asking.clone();
                let asked = asking.ask(request, Errand::new(Due::FreshFor(Duration::ZERO)));
                if Handle::try_current().is_ok() {
                    running.spawn(asked);
                } else {
                    let answer = asked.await;
                    self.tell(&mut progress, answer.as_ref().map_err(|lost| *lost));
                }
            }
            match running.join_next().await {
                None if is_over => return Warmed::new(progress),
                None => {}
                Some(Ok(answer)) => {
                    self.tell(&mut progress, answer.as_ref().map_err(|lost| *lost));
                }
                Some(Err(_panicked)) => self.tell(&mut progress, Err(Lost)),
            }
        }
    }

    fn tell(&mut self, progress: &mut Progress, answer: Result<&Answer, Lost>) {
        progress.add(answer);
        if let Some(tell) = &mut self.on_progress {
            tell(progress);
        }
    }
}

impl<S, I> fmt::Debug for Warm<S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warm")
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

const DEFAULT_CONCURRENCY: usize = 8;
