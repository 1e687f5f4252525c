//! A cache before a resource that can be stopped at every step of an answer, or made to purge there.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{Request, Response};
use larder::policy::key::Partition;
use larder::{Cache, CacheLayer, CacheService, Purge, RoutePolicy};
use larder_tests::{Gate, Reply, request, response, settle};
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt};

use crate::scene::clock;
use crate::stale::Down;

pub(crate) const URL: &str = "http://shop.example/a/b?c=1";

/// What is purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Everything,
    /// One that the response itself names (RFC 9875), by a write.
    Group,
    Partition,
    Path,
    Prefix,
    PrefixOfHost,
    Tag,
    Tags,
    Url,
}

pub(crate) const KINDS: [Kind; 9] = [
    Kind::Everything,
    Kind::Group,
    Kind::Partition,
    Kind::Path,
    Kind::Prefix,
    Kind::PrefixOfHost,
    Kind::Tag,
    Kind::Tags,
    Kind::Url,
];

/// A step of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// The request was looked up, and waits until the inner service is ready.
    Ready,
    /// The inner service is called, and has read what it will tell.
    Call,
    Head,
    First,
    Middle,
    /// The last piece of the body.
    Last,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is stopped there until all others wait.
    Held,
    /// It purges, and goes on at once.
    Inside,
}

type Act = Box<dyn FnOnce() + Send>;

/// The resource: what it says names a version, which changes count up.
#[derive(Default)]
pub(crate) struct Resource {
    pub(crate) version: usize,
    /// It says 503.
    pub(crate) fails: bool,
    /// It takes no notice of conditions.
    pub(crate) full: bool,
    /// Its validator does not tell its versions apart.
    pub(crate) vague: bool,
    fields: Vec<(&'static str, &'static str)>,
    stop: Option<(usize, Point, Way)>,
    act: Option<Act>,
    reached: bool,
    /// Calls so far, of those that wait to be made too.
    begun: usize,
    pub(crate) calls: usize,
}

#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) cache: Cache,
    pub(crate) service: CacheService<Inner>,
    pub(crate) resource: Arc<Mutex<Resource>>,
    gate: Gate,
}

impl Stage {
    pub(crate) fn new(
        fields: &[(&'static str, &'static str)],
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Self {
        let resource = Resource {
            fields: fields.to_vec(),
            ..Resource::default()
        };
        let resource = Arc::new(Mutex::new(resource));
        let gate = Gate::default();
        let inner = Inner {
            resource: Arc::clone(&resource),
            gate: gate.clone(),
            place: None,
        };
        let cache = Cache::builder().clock(clock()).build();
        let route = RoutePolicy::obey().tag("t").tag_with(|_| ["u"]);
        let whole = CacheLayer::new(cache.clone())
            .with_route_policy(route)
            .with_partition(|_| Some(partition()));
        Self {
            cache,
            service: layer(whole).layer(inner),
            resource,
            gate,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, Resource> {
        self.resource.lock().unwrap()
    }

    pub(crate) fn ask(&self, method: &str) -> JoinHandle<Reply> {
        let answer = self.service.clone().oneshot(request(method, URL, &[]));
        tokio::spawn(async move { Reply::read(answer.await.unwrap()).await })
    }

    pub(crate) async fn get(&self) -> Reply {
        self.ask("GET").await.unwrap()
    }

    /// The next call is stopped at this step.
    pub(crate) fn stop(&self, point: Point, way: Way, act: impl FnOnce() + Send + 'static) {
        let next = self.state().begun;
        self.stop_call(next, point, way, act);
    }

    /// A call, counted from 0, is stopped at this step.
    pub(crate) fn stop_call(
        &self,
        call: usize,
        point: Point,
        way: Way,
        act: impl FnOnce() + Send + 'static,
    ) {
        let mut state = self.state();
        state.stop = Some((call, point, way));
        state.act = Some(Box::new(act));
        state.reached = false;
    }

    /// All is as far as it goes. A call that is held there does so now what the others did on their
    /// way.
    pub(crate) async fn reach(&self, way: Way) {
        settle().await;
        let mut state = self.state();
        assert!(state.reached, "never there");
        let act = state.act.take();
        drop(state);
        if way == Way::Held {
            act.expect("something to do")();
        }
    }

    pub(crate) fn release(&self) {
        self.gate.open(1);
    }

    /// Changes the resource, and purges it.
    pub(crate) fn change(&self, kind: Kind, soft: bool) {
        self.state().version += 1;
        let purge = match kind {
            Kind::Everything => Purge::everything(),
            Kind::Partition => Purge::partition(partition()),
            Kind::Path => Purge::url("/a/b?c=1").unwrap(),
            Kind::Prefix => Purge::prefix("/a").unwrap(),
            Kind::PrefixOfHost => Purge::prefix("http://shop.example/a/b/").unwrap(),
            Kind::Tag => Purge::tag("t"),
            Kind::Tags => Purge::all_tags(["u", "t"]),
            Kind::Url => Purge::url(URL).unwrap(),
            Kind::Group => {
                let write = request("POST", "http://shop.example/other", &[]);
                let written = self.service.clone().oneshot(write).now_or_never();
                return drop(written.expect("nothing to wait for").unwrap());
            }
        };
        let purge = if soft { purge.soft() } else { purge };
        let receipt = self.cache.purge(purge);
        assert_eq!(receipt.purge().is_soft(), soft);
    }
}

fn partition() -> Partition {
    Partition::of("user", &[7]).unwrap()
}

/// What a call found.
struct Read {
    version: usize,
    tag: String,
    /// The condition says that it is known.
    unchanged: bool,
    head: bool,
}

/// A handle of the resource.
pub(crate) struct Inner {
    resource: Arc<Mutex<Resource>>,
    gate: Gate,
    place: Option<(usize, Pin<Box<dyn Future<Output = ()> + Send>>)>,
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self {
            resource: Arc::clone(&self.resource),
            gate: self.gate.clone(),
            place: None,
        }
    }
}

impl Inner {
    /// A call comes by here.
    async fn pass(self, call: usize, point: Point) {
        match self.comes_by(call, point) {
            None => {}
            Some((Way::Held, _)) => self.gate.pass().await,
            Some((Way::Inside, act)) => act.expect("something to do")(),
        }
    }

    /// How it is stopped, and what is to be done on the way.
    fn comes_by(&self, call: usize, point: Point) -> Option<(Way, Option<Act>)> {
        let mut state = self.resource.lock().unwrap();
        let (_, _, way) = state
            .stop
            .filter(|stop| (stop.0, stop.1) == (call, point))?;
        (state.reached, state.stop) = (true, None);
        let act = state.act.take_if(|_| way == Way::Inside);
        Some((way, act))
    }

    async fn answer(self, call: usize, read: Read) -> Response<Body> {
        self.clone().pass(call, Point::Head).await;
        let state = self.resource.lock().unwrap();
        let (fields, fails) = (state.fields.clone(), state.fails);
        drop(state);
        if fails {
            return response(503, &[], "down");
        }
        let fields = fields.iter().map(|(name, value)| match *name {
            "etag" => (*name, &*read.tag),
            _ => (*name, *value),
        });
        let fields: Vec<_> = fields.chain([("cache-groups", "\"g\"")]).collect();
        if read.unchanged {
            return response(304, &fields, "");
        }
        if read.head {
            return response(200, &fields, "");
        }
        let pieces = [
            (Point::First, "version ".to_owned()),
            (Point::Middle, read.version.to_string()),
            (Point::Last, ".".to_owned()),
            (Point::End, String::new()),
        ];
        let pieces = stream::unfold(pieces.into_iter(), move |mut pieces| {
            let inner = self.clone();
            async move {
                let (point, piece) = pieces.next()?;
                inner.pass(call, point).await;
                let piece = Ok::<_, Infallible>(Bytes::from(piece));
                (point != Point::End).then_some((piece, pieces))
            }
        });
        response(200, &fields, Body::from_stream(pieces))
    }
}

impl Service<Request<Body>> for Inner {
    type Response = Response<Body>;
    type Error = Down;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Down>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Down>> {
        if self.place.is_none() {
            let mut state = self.resource.lock().unwrap();
            let call = state.begun;
            state.begun += 1;
            drop(state);
            self.place = Some((call, Box::pin(self.clone().pass(call, Point::Ready))));
        }
        if let Some((_, passing)) = &mut self.place {
            ready!(passing.as_mut().poll(cx));
            // Polled again it is ready at once.
            *passing = Box::pin(std::future::ready(()));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (call, _) = self.place.take().expect("it was ready");
        if request.method() == "POST" {
            let fields = [("cache-group-invalidation", "\"g\"")];
            return Box::pin(async move { Ok(response(204, &fields, "")) });
        }
        let mut state = self.resource.lock().unwrap();
        let (version, full, vague) = (state.version, state.full, state.vague);
        state.calls += 1;
        drop(state);
        let condition = request.headers().get("if-none-match");
        let tag = format!("\"{}\"", if vague { 0 } else { version });
        let read = Read {
            version,
            unchanged: condition.is_some_and(|known| !full && *known == tag),
            head: request.method() == "HEAD",
            tag,
        };
        let called = self.clone().pass(call, Point::Call).now_or_never();
        called.expect("nobody is held in a call");
        let answer = self.clone().answer(call, read);
        Box::pin(answer.map(Ok))
    }
}
