//! What the origin does about one request.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, thread};

use fastrand::Rng;
use http::{Method, Response, response};
use tokio::time::sleep;

use crate::body::Body;
use crate::content::Content;
use crate::exchange::{BodyEnd, Exchange, Head};
use crate::origin::{Asked, Habit, Kind, Validator};
use crate::plan::{Announced, Fault, ReadPlan, WritePlan};
use crate::purges::group;
use crate::says::Says;
use crate::world::World;

/// A call of the origin, until it has answered.
pub struct Call {
    pub world: Arc<World>,
    pub own: bool,
    pub asked: Asked,
    pub habit: Habit,
    pub exchange: usize,
}

type Answer = Result<Response<Body>, Failure>;

impl Call {
    pub async fn read(self, plan: ReadPlan, mut rng: Rng) -> Answer {
        self.world.state().exchanges[self.exchange].never = plan.latency.is_none();
        if plan.early {
            self.look();
        }
        work(plan.latency).await;
        if !plan.early {
            self.look();
        }
        match plan.fault {
            Some(Fault::Error) => return Err(self.fails()),
            Some(Fault::Panic) => self.panics(),
            Some(Fault::Status(status)) => return Ok(self.refuses(status, plan, rng)),
            Some(Fault::Mismatch) | None => {}
        }
        let settings = &self.world.settings;
        let says = Says::random(&mut rng, &self.habit, &self.asked, settings, self.is_own());
        let (builder, tag) = (says.fields(self.exchange), self.tag(&says));
        let builder = builder.header("cache-groups", group(self.asked.resource));
        let mismatch = plan.fault == Some(Fault::Mismatch);
        let asked = self.asked.if_none_match.as_ref();
        if asked.is_some() && (mismatch || tag.as_ref() == asked) {
            self.represent(&says, 304);
            let tag = tag.filter(|_| !mismatch);
            let tag = tag.unwrap_or_else(|| "\"other\"".to_owned());
            return Ok(self.not_modified(builder.header("etag", tag), mismatch));
        }
        self.represent(&says, 200);
        let builder = match tag {
            Some(tag) => builder.header("etag", tag),
            None => builder,
        };
        Ok(self.full(builder, plan, rng))
    }

    /// The cache holds a copy for this user alone.
    fn is_own(&self) -> bool {
        self.own && self.asked.user.is_some()
    }

    /// Reads the version.
    fn look(&self) {
        let mut state = self.world.state();
        let version = state.resources[self.asked.resource].version;
        state.exchanges[self.exchange].version = version;
    }

    /// Settles what the response is, and whose.
    fn represent(&self, says: &Says, status: u16) {
        let mut state = self.world.state();
        let exchange = &mut state.exchanges[self.exchange];
        let personal = matches!(self.habit.kind, Kind::Own | Kind::Personal(_));
        exchange.user = self.asked.user.filter(|_| personal);
        exchange.language = says.by_language.then_some(self.asked.language);
        exchange.status = status;
        exchange.alone = says.alone;
        exchange.no_cache = says.no_cache;
        exchange.until = Some(says.until);
        exchange.windows = says.windows;
        exchange.content = self.content(exchange);
        if status == 200 && self.asked.method == Method::GET {
            let keeps_cookies = self.world.settings.conformance && !self.is_own();
            exchange.alone |= says.sets_cookie && !keeps_cookies;
        } else if says.cache_control.is_none() {
            // Of a 304, and of what a HEAD says of a stored response, only the cookies are not
            // stored. What the stored response says itself holds on.
            exchange.alone = self.asked.no_store;
            exchange.until = None;
        }
    }

    fn content(&self, exchange: &Exchange) -> Content {
        let Exchange {
            user,
            version,
            language,
            ..
        } = exchange;
        let (id, resource) = (self.exchange, self.asked.resource);
        let label = format!("#{id} of /{resource} v{version} for {user:?} in {language:?};");
        let more = if self.habit.grows {
            *version as usize * 7
        } else {
            0
        };
        let more = more + usize::from(user.unwrap_or(0)) + usize::from(language.unwrap_or(0)) * 3;
        Content::new(label, id, self.habit.bytes + more)
    }

    fn tag(&self, says: &Says) -> Option<String> {
        let version = self.world.state().exchanges[self.exchange].version;
        let personal = matches!(self.habit.kind, Kind::Own | Kind::Personal(_));
        let mut tag = format!("\"v{version}");
        if let Some(user) = self.asked.user.filter(|_| personal) {
            tag += &format!(".u{user}");
        }
        if says.by_language {
            tag += &format!(".l{}", self.asked.language);
        }
        tag.push('"');
        match self.habit.validator {
            Validator::None => None,
            Validator::Strong => Some(tag),
            Validator::Weak => Some(format!("W/{tag}")),
        }
    }

    fn not_modified(&self, builder: response::Builder, mismatch: bool) -> Response<Body> {
        let mut state = self.world.state();
        let exchange = &mut state.exchanges[self.exchange];
        exchange.lies = mismatch;
        exchange.content = Content::new(String::new(), 0, 0);
        drop(state);
        let builder = builder.header("x-confirmed", self.exchange);
        self.answer(builder.status(304), None)
    }

    fn full(&self, builder: response::Builder, plan: ReadPlan, rng: Rng) -> Response<Body> {
        let mut state = self.world.state();
        let exchange = &mut state.exchanges[self.exchange];
        let content = exchange.content.clone();
        let (len, end, announced) = (content.len, plan.body.end, plan.body.announced);
        exchange.end = end;
        let announced = match announced {
            Announced::No => None,
            Announced::Right => Some(len),
            Announced::TooLong => Some(len + 5),
            Announced::TooShort => Some(len.saturating_sub(5)),
        };
        exchange.lies = announced.is_some_and(|announced| announced != len);
        exchange.cut_at = announced.filter(|announced| *announced < len);
        let part = self.asked.range.filter(|(first, _)| {
            let whole = end == BodyEnd::Clean && !exchange.lies;
            whole && plan.serves_ranges && *first < len && self.asked.method == Method::GET
        });
        if part.is_some() {
            exchange.status = 206;
            exchange.alone = true;
        }
        let status = exchange.status;
        drop(state);
        let mut builder = builder.status(status);
        let body = Body::new(&self.world, self.exchange, content, plan.body, rng);
        if self.asked.method == Method::HEAD {
            // A stored response to GET takes over the fields of one to HEAD.
            builder = builder.header("x-confirmed", self.exchange);
            if let Some(bytes) = announced {
                builder = builder.header("content-length", bytes);
            }
            return self.answer(builder, None);
        }
        builder = builder.header("x-exchange", self.exchange);
        if let Some((first, last)) = part {
            let past = len.min(last + 1);
            let range = format!("bytes {first}-{}/{len}", past - 1);
            builder = builder.header("content-range", range);
            return self.answer(builder, Some(body.part(first, past)));
        }
        if let Some(bytes) = announced {
            builder = builder.header("content-length", bytes);
        }
        self.answer(builder, Some(body))
    }

    /// An error status.
    fn refuses(&self, status: u16, plan: ReadPlan, rng: Rng) -> Response<Body> {
        let mut state = self.world.state();
        let exchange = &mut state.exchanges[self.exchange];
        let label = format!("#{} is a failure;", self.exchange);
        exchange.content = Content::new(label, self.exchange, 100);
        (exchange.status, exchange.alone) = (status, true);
        drop(state);
        self.full(Response::builder(), plan, rng)
    }

    fn answer(&self, builder: response::Builder, body: Option<Body>) -> Response<Body> {
        let mut state = self.world.state();
        let Exchange {
            status,
            version,
            user,
            ..
        } = &state.exchanges[self.exchange];
        let (status, version, user) = (*status, *version, *user);
        let id = self.exchange;
        state.log(format_args!(
            "origin   #{id} {status} v{version} user={user:?} {:?}",
            builder.headers_ref()
        ));
        state.head(id, Head::Answered);
        drop(state);
        let body = body.unwrap_or_else(|| Body::empty(&self.world, self.exchange));
        builder.body(body).unwrap()
    }

    fn fails(&self) -> Failure {
        let mut state = self.world.state();
        state.log(format_args!("origin   #{} fails", self.exchange));
        state.head(self.exchange, Head::Lost);
        Failure(self.exchange)
    }

    fn panics(&self) -> ! {
        self.world
            .log(format_args!("origin   #{} panics", self.exchange));
        resume_unwind(Box::new(Panicked(self.exchange)))
    }

    pub async fn write(self, plan: WritePlan) -> Answer {
        self.world.state().exchanges[self.exchange].never = plan.latency.is_none();
        if plan.early {
            self.change(&plan);
        }
        work(plan.latency).await;
        if !plan.early {
            self.change(&plan);
        }
        let status = match plan.fault {
            Some(Fault::Error) => return Err(self.fails()),
            Some(Fault::Panic) => self.panics(),
            Some(Fault::Status(status)) => status,
            _ => plan.status,
        };
        let mut builder = Response::builder().status(status);
        if let Some((field, resource)) = plan.related {
            builder = builder.header(field, format!("/{resource}"));
        }
        if let Some(resource) = plan.group {
            builder = builder.header("cache-group-invalidation", group(resource));
        }
        let mut state = self.world.state();
        let exchange = &mut state.exchanges[self.exchange];
        (exchange.status, exchange.alone) = (status, true);
        // Its client may have left: what it purges nobody is told then.
        let related = plan.related.map(|(_, resource)| resource);
        let order = state.moment().order;
        state.last_purge = order;
        let written = [Some(self.asked.resource), related, plan.group];
        for resource in written.into_iter().flatten() {
            state.resources[resource].written = order;
        }
        drop(state);
        Ok(self.answer(builder.header("x-exchange", self.exchange), None))
    }

    /// Makes new versions.
    fn change(&self, plan: &WritePlan) {
        let mut state = self.world.state();
        state.resources[self.asked.resource].version += 1;
        if let Some((_, related)) = plan.related {
            state.resources[related].version += 1;
        }
        let version = state.resources[self.asked.resource].version;
        state.exchanges[self.exchange].version = version;
        let (id, resource) = (self.exchange, self.asked.resource);
        state.log(format_args!(
            "origin   #{id} makes v{version} of /{resource}"
        ));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.world.state();
        if state.exchanges[self.exchange].head != Head::Awaited {
            return;
        }
        state.log(format_args!("origin   #{} has no answer", self.exchange));
        state.head(self.exchange, Head::Lost);
        let is_write = !matches!(self.asked.method, Method::GET | Method::HEAD);
        // Nobody knows what came of it, so that it purges softly.
        if is_write && !thread::panicking() {
            state.last_purge = state.moment().order;
        }
    }
}

async fn work(latency: Option<Duration>) {
    match latency {
        None => pending().await,
        Some(Duration::ZERO) => {}
        Some(latency) => sleep(latency).await,
    }
}

/// The origin failed at this exchange.
#[derive(Clone, Copy, Debug)]
pub struct Failure(pub usize);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} failed", self.0)
    }
}

impl std::error::Error for Failure {}

/// What the origin panics with: it prints nothing.
pub struct Panicked(pub usize);
