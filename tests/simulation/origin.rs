//! A model of an application: resources with a version that writes count up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use fastrand::Rng;
use http::{Method, Request, Response};
use tokio::time::{Sleep, sleep};
use tower::Service;

use crate::asks::Nothing;
use crate::body::Body;
use crate::fate;
use crate::handlers::{Call, Failure};
use crate::plan::{ReadPlan, WritePlan};
use crate::settings::{User, chance, maybe, millis, pick};
use crate::world::World;

/// How a resource is.
#[derive(Clone, Debug)]
pub struct Habit {
    pub kind: Kind,
    pub max_age: u64,
    pub stale_while_revalidate: Option<u64>,
    pub stale_if_error: Option<u64>,
    pub validator: Validator,
    pub latency: u64,
    pub bytes: usize,
    /// Its length tells its versions apart.
    pub grows: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the layer that gives every user a copy of their own.
    Own,
    /// In the layer that all share, with a word about whose it is.
    Personal(Shield),
    Plain,
    /// By language.
    Varied,
}

/// What keeps a response to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shield {
    /// That the request had credentials.
    Credentials,
    NoStore,
    Private,
    Vary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validator {
    None,
    Strong,
    Weak,
}

impl Habit {
    pub fn random(rng: &mut Rng, world: &World) -> Self {
        let shields = [Shield::NoStore, Shield::Private, Shield::Vary];
        // `conformance` shares what comes in answer to a request with cookies.
        let shield = match !world.settings.conformance && rng.bool() {
            true => Shield::Credentials,
            false => pick(rng, &shields),
        };
        let large = chance(rng, world.theme.large);
        Self {
            kind: match rng.u8(..10) {
                0..4 => Kind::Plain,
                4..6 => Kind::Varied,
                6..8 => Kind::Personal(shield),
                _ => Kind::Own,
            },
            max_age: pick(rng, &[0, 1, 3, 10, 60]),
            stale_while_revalidate: maybe(rng, 0.4, &[1, 5, 60]),
            stale_if_error: maybe(rng, 0.3, &[1, 5, 60]),
            validator: match rng.u8(..3) {
                // To make a tag of a long body takes long.
                0 if !large => Validator::None,
                1 => Validator::Weak,
                _ => Validator::Strong,
            },
            latency: pick(rng, &[0, 10, 200, 2_000]),
            bytes: match large {
                true => rng.usize(60_000..700_000),
                false => pick(rng, &[0, 30, 400, 3_000]),
            },
            grows: rng.bool(),
        }
    }
}

/// What one request asks of the origin.
#[derive(Debug)]
pub struct Asked {
    pub method: Method,
    pub resource: usize,
    pub user: Option<u8>,
    pub language: u8,
    pub cookie: bool,
    pub authorization: bool,
    pub no_store: bool,
    pub if_none_match: Option<String>,
    pub range: Option<(usize, usize)>,
    visit: Option<usize>,
}

impl Asked {
    fn of(request: &Request<Nothing>, world: &World) -> Self {
        let field = |name| request.headers().get(name).map(|v| v.to_str().unwrap());
        let last = |text: &str| text[text.len() - 1..].parse().unwrap();
        let credentials = field("authorization").or(field("cookie"));
        let user = match world.settings.identity_in_extensions {
            true => request.extensions().get().map(|User(id)| *id),
            false => credentials.map(last),
        };
        let range = field("range").map(|range| {
            let (first, past) = range["bytes=".len()..].split_once('-').unwrap();
            (first.parse().unwrap(), past.parse().unwrap())
        });
        Self {
            method: request.method().clone(),
            resource: request.uri().path()[1..].parse().unwrap(),
            user,
            language: field("accept-language").map_or(0, |l| l.parse().unwrap()),
            cookie: field("cookie").is_some(),
            authorization: field("authorization").is_some(),
            no_store: field("cache-control") == Some("no-store"),
            if_none_match: field("if-none-match").map(str::to_owned),
            range,
            visit: field("x-visit").map(|visit| visit.parse().unwrap()),
        }
    }
}

pub struct Origin {
    pub world: Arc<World>,
    /// Inside the layer that gives every user a copy of their own.
    pub own: bool,
    /// Where this handle stands in line until the origin is ready.
    line: Option<Line>,
}

struct Line {
    world: Arc<World>,
    place: usize,
    ready: Pin<Box<Sleep>>,
}

impl Origin {
    pub fn new(world: &Arc<World>, own: bool) -> Self {
        Self {
            world: Arc::clone(world),
            own,
            line: None,
        }
    }
}

impl Clone for Origin {
    fn clone(&self) -> Self {
        Self::new(&self.world, self.own)
    }
}

impl Line {
    fn new(world: &Arc<World>) -> Option<Self> {
        let mut state = world.state();
        let queues = chance(&mut state.rng, world.settings.queues);
        let wait = queues.then(|| millis(state.rng.u64(1..1_500)))?;
        let since = state.now();
        state.lines.push(since..Duration::MAX);
        Some(Self {
            world: Arc::clone(world),
            place: state.lines.len() - 1,
            ready: Box::pin(sleep(wait)),
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut state = self.world.state();
        state.lines[self.place].end = state.now();
    }
}

impl Service<Request<Nothing>> for Origin {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if self.line.is_none() {
            self.line = Line::new(&self.world);
        }
        if let Some(line) = &mut self.line {
            ready!(line.ready.as_mut().poll(cx));
            self.line = None;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Nothing>) -> Self::Future {
        let asked = Asked::of(&request, &self.world);
        let mut state = self.world.state();
        let exchange = state.called(asked.resource, asked.visit);
        let mut rng = state.rng.fork();
        let habit = state.resources[asked.resource].habit.clone();
        let who = match state.exchanges[exchange].visit {
            Some(visit) => format!("for client {visit}"),
            None => "for nobody".to_owned(),
        };
        let Asked {
            method, resource, ..
        } = &asked;
        state.log(format_args!(
            "origin   #{exchange} {method} /{resource} {who}"
        ));
        let resources = state.resources.len();
        fate::call(&self.world.settings, &mut state, exchange);
        drop(state);
        let call = Call {
            world: Arc::clone(&self.world),
            own: self.own,
            asked,
            habit,
            exchange,
        };
        if matches!(call.asked.method, Method::GET | Method::HEAD) {
            let plan = ReadPlan::random(&mut rng, &self.world.theme, &call.habit);
            Box::pin(call.read(plan, rng))
        } else {
            let plan = WritePlan::random(&mut rng, &self.world.theme, resources);
            Box::pin(call.write(plan))
        }
    }
}
