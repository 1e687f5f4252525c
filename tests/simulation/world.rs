//! What is known of a schedule while it runs: what clients ask, what the origin said, what was
//! written and purged, and what went wrong.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use larder::{Cache, Clock};
use larder_tests::START;
use tokio::time::Instant;

use crate::asks::Ask;
use crate::exchange::{Exchange, Head};
use crate::moment::Moment;
use crate::origin::Habit;
use crate::purges::Softened;
use crate::settings::Settings;
use crate::themes::Theme;

pub struct World {
    pub cache: Cache,
    pub settings: Settings,
    pub theme: Theme,
    start: Instant,
    state: Mutex<State>,
}

pub struct State {
    pub rng: Rng,
    pub resources: Vec<Resource>,
    pub visits: Vec<Visit>,
    pub exchanges: Vec<Exchange>,
    /// When requests stood in line until the origin was ready.
    pub lines: Vec<Range<Duration>>,
    /// Calls of the origin without a head yet.
    pub calls: Vec<usize>,
    /// Bodies that have not ended.
    pub bodies: Vec<usize>,
    pub failures: Vec<String>,
    pub log: String,
    /// How often the limits were looked at.
    pub looks: u32,
    /// The order of the last purge of anything.
    pub last_purge: u64,
    now: Duration,
    order: u64,
}

pub struct Resource {
    pub habit: Habit,
    /// What the last write made of it.
    pub version: u64,
    /// The last purge that has returned.
    pub purged: Purged,
    /// The last that has returned of each user's own copies.
    pub own: [Purged; 4],
    pub softened: Vec<Softened>,
    /// When the origin last answered a write of it.
    pub written: u64,
    /// When an exchange about it went on: there was a head, or an end of any kind.
    pub turns: Vec<Duration>,
}

impl Resource {
    pub fn new(habit: Habit) -> Self {
        Self {
            habit,
            version: 0,
            purged: Purged::default(),
            own: [Purged::default(); 4],
            softened: Vec::new(),
            written: 0,
            turns: Vec::new(),
        }
    }
}

/// What nobody who starts from now on may see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purged {
    /// Older versions than this.
    pub version: u64,
    /// What the origin was asked for before this.
    pub order: u64,
}

/// A client's request.
pub struct Visit {
    pub ask: Ask,
    pub started: Moment,
    /// Of what it asks for, when it started.
    pub purged: Purged,
    /// Since when it no longer waits for what others fetch: it is served, or forwarded.
    pub alone: Option<Duration>,
    /// Since when it no longer waits for a head.
    pub served: Option<Duration>,
    /// Whose body it reads.
    pub reads: Option<usize>,
}

impl World {
    pub fn new(theme: Theme, mut rng: Rng) -> Self {
        let start = Instant::now();
        let settings = Settings::random(&mut rng, &theme);
        let clock = Clock::from_fn(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(START) + start.elapsed()
        });
        let state = State {
            rng,
            resources: Vec::new(),
            visits: Vec::new(),
            exchanges: Vec::new(),
            lines: Vec::new(),
            calls: Vec::new(),
            bodies: Vec::new(),
            failures: Vec::new(),
            log: String::new(),
            looks: 0,
            last_purge: 0,
            now: Duration::ZERO,
            order: 0,
        };
        Self {
            cache: settings.cache(clock),
            settings,
            theme,
            start,
            state: Mutex::new(state),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        state.now = self.start.elapsed();
        state
    }

    pub fn log(&self, event: fmt::Arguments<'_>) {
        self.state().log(event);
    }

    pub fn finish(self: Arc<Self>) -> (Vec<String>, String) {
        let mut state = self.state();
        (
            std::mem::take(&mut state.failures),
            std::mem::take(&mut state.log),
        )
    }
}

impl State {
    pub fn now(&self) -> Duration {
        self.now
    }

    pub fn of_resource(&self, resource: usize) -> impl Iterator<Item = &Exchange> {
        let exchanges = self.exchanges.iter();
        exchanges.filter(move |exchange| exchange.resource == resource)
    }

    pub fn moment(&mut self) -> Moment {
        self.order += 1;
        Moment {
            order: self.order,
            at: self.now,
        }
    }

    pub fn log(&mut self, event: fmt::Arguments<'_>) {
        let seconds = self.now.as_secs_f64();
        writeln!(self.log, "{seconds:>8.3}  {event}").unwrap();
    }

    pub fn fail(&mut self, promise: &str, why: &str) {
        self.log(format_args!("!!! {promise}: {why}"));
        self.failures.push(format!("{promise}: {why}"));
    }

    /// What a check found about a client.
    pub fn judge(&mut self, promise: &str, visit: usize, found: Result<(), String>) {
        if let Err(why) = found {
            self.fail(promise, &format!("client {visit}: {why}"));
        }
    }

    /// A client sends its request at this moment.
    pub fn start(&mut self, visit: usize) {
        let started = self.moment();
        let ask = self.visits[visit].ask.clone();
        let purged = self.purged_for(ask.resource, ask.user);
        self.log(format_args!("client   {visit} {ask}"));
        let visit = &mut self.visits[visit];
        (visit.started, visit.purged) = (started, purged);
    }

    /// A client has a head, or has left without one.
    pub fn served(&mut self, visit: usize) {
        let now = self.now;
        let visit = &mut self.visits[visit];
        visit.alone.get_or_insert(now);
        visit.served.get_or_insert(now);
    }

    /// A client begins to read a body.
    pub fn reads(&mut self, visit: usize, exchange: Option<usize>) {
        self.visits[visit].reads = exchange;
        if let Some(exchange) = exchange {
            let exchange = &mut self.exchanges[exchange];
            exchange.readers += 1;
            exchange.together |= exchange.readers > 1;
        }
    }

    /// A client is gone.
    pub fn gone(&mut self, visit: usize) {
        let now = self.now;
        self.served(visit);
        if let Some(exchange) = self.visits[visit].reads {
            let exchange = &mut self.exchanges[exchange];
            exchange.readers -= 1;
            exchange.left = Some(now);
        }
    }

    /// A purge of these resources has returned.
    pub fn purged(&mut self, resources: &[usize]) {
        let order = self.moment().order;
        self.last_purge = order;
        for &resource in resources {
            let resource = &mut self.resources[resource];
            let version = resource.version;
            resource.purged = Purged { version, order };
        }
    }

    /// The origin is called.
    pub fn called(&mut self, resource: usize, visit: Option<usize>) -> usize {
        let called = self.moment();
        // What goes on behind a client's back is nobody's request any more.
        let visit = visit.filter(|visit| self.visits[*visit].served.is_none());
        if let Some(visit) = visit {
            self.visits[visit].alone.get_or_insert(called.at);
        }
        let version = self.resources[resource].version;
        self.exchanges
            .push(Exchange::new(resource, version, visit, called));
        let exchange = self.exchanges.len() - 1;
        self.calls.push(exchange);
        exchange
    }

    /// The origin has answered, or never will.
    pub fn head(&mut self, id: usize, head: Head) {
        let now = self.now;
        self.calls.retain(|call| *call != id);
        let exchange = &mut self.exchanges[id];
        if exchange.head == Head::Awaited {
            (exchange.head, exchange.turned) = (head, Some(now));
            let resource = &mut self.resources[exchange.resource];
            resource.turns.push(now);
            if head == Head::Answered {
                self.bodies.push(id);
            }
        }
    }

    /// A piece of a body has come.
    pub fn gave(&mut self, exchange: usize, bytes: usize) {
        let now = self.now;
        let exchange = &mut self.exchanges[exchange];
        exchange.given += bytes;
        exchange.gave = Some(now);
    }

    /// There is no more of the body.
    pub fn body_ended(&mut self, exchange: usize, how: &str) {
        let ended = self.moment();
        self.bodies.retain(|body| *body != exchange);
        let found = &mut self.exchanges[exchange];
        if found.ended.is_none() {
            found.ended = Some(ended);
            let resource = &mut self.resources[found.resource];
            resource.turns.push(ended.at);
            self.log(format_args!("origin   #{exchange} body {how}"));
        }
    }
}
