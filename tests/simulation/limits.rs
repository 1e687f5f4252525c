//! Promise 6: memory and work are bounded, and nothing is left behind.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::exchange::{BodyEnd, Exchange};
use crate::settings::Settings;
use crate::world::{State, Visit, World};

/// At any time.
pub fn work_is_bounded(world: &World) {
    let limits = &world.settings;
    let mut state = world.state();
    let (calls, bodies) = (calls(&state), bodies(&state));
    // What becomes of it shows when it is polled next.
    let settled = |work: &&(usize, Duration)| work.1 < state.now();
    let (is, limit) = (
        calls.iter().chain(&bodies).filter(settled).count(),
        limits.max_background,
    );
    if is > limit {
        let why = format!("{is} go on without a client, at most {limit} may: {calls:?} {bodies:?}");
        state.fail("work is bounded", &why);
    }
    // A body has time of its own, and whoever moves it looks from time to time.
    let within = limits.finish_within;
    // Until then it does not show that the client has left.
    let soft = limits.soft_timeout.unwrap_or_default();
    let calls = calls.into_iter().map(|call| (call, within + soft));
    let bodies = bodies.into_iter().map(|body| (body, within * 3));
    for ((id, since), within) in calls.chain(bodies) {
        if state.now() - since > within {
            let why = format!("#{id} goes on since {since:?} without a client");
            state.fail("work is bounded", &why);
        }
    }
    state.looks += 1;
    // The cache has to settle its books for it.
    if state.looks.is_multiple_of(LOOKS) {
        drop(state);
        memory_is_bounded(world);
    }
}

fn memory_is_bounded(world: &World) {
    let (stats, limits) = (world.cache.stats(), &world.settings);
    let mut state = world.state();
    let filled = filled(&state, limits);
    let variants = stats.keys() * limits.max_variants as u64;
    for (what, is, limit) in [
        ("bytes", stats.bytes(), limits.max_bytes),
        ("bytes of fills", stats.fill_bytes(), limits.max_fill_bytes),
        (
            "bytes of what is not stored yet",
            stats.fill_bytes(),
            filled,
        ),
        ("variants", stats.responses(), variants),
        ("marks", stats.uncacheable(), limits.max_uncacheable as u64),
    ] {
        if is > limit {
            state.fail(
                "memory is bounded",
                &format!("{is} {what}, at most {limit}"),
            );
        }
    }
}

/// As many bytes as can be on their way into the store.
pub fn filled(state: &State, limits: &Settings) -> u64 {
    let usual = limits.max_bytes.min(limits.max_fill_bytes) > limits.max_body_bytes;
    let is_stored = |exchange: &&Exchange| {
        let Exchange {
            content,
            ended,
            end,
            lies,
            ..
        } = exchange;
        let purged = state.purged_for(exchange.resource, exchange.user).order;
        let purged = match limits.max_purge_records {
            // What goes on during a sweep may be given up.
            Some(_) => state.last_purge,
            None => purged,
        };
        let written = state.resources[exchange.resource].written;
        let purged = purged.max(written) > exchange.called.order;
        let whole = ended.is_some_and(|ended| ended.at < state.now()) && *end == BodyEnd::Clean;
        let fits = usual && content.len as u64 <= limits.max_body_bytes;
        exchange.stored && whole && fits && !lies && !purged
    };
    let just_now = |at: Option<Duration>| at.is_none_or(|at| at == state.now());
    let held = |exchange: &&Exchange| {
        let Exchange {
            readers,
            left,
            ended,
            ..
        } = exchange;
        *readers > 0 || just_now(ended.map(|ended| ended.at)) || just_now(*left)
    };
    let fills = state
        .exchanges
        .iter()
        .filter(held)
        .filter(|exchange| !is_stored(exchange));
    fills.map(|exchange| exchange.given as u64).sum()
}

/// Calls for which no client waits, and since when.
fn calls(state: &State) -> Vec<(usize, Duration)> {
    let since = |call: &usize| {
        let exchange = &state.exchanges[*call];
        let since = match exchange.visit {
            None => Some(exchange.called.at),
            Some(visit) => state.visits[visit].served,
        };
        Some((*call, since?))
    };
    state.calls.iter().filter_map(since).collect()
}

/// Bodies that no client reads or awaits, and since when.
fn bodies(state: &State) -> Vec<(usize, Duration)> {
    let since = |body: &usize| {
        let exchange = &state.exchanges[*body];
        let awaited = state
            .visits
            .iter()
            .filter_map(|visit| awaited(visit, exchange));
        let since = awaited.fold(exchange.left.or(exchange.turned)?, Duration::max);
        let read = exchange.readers > 0 || since == Duration::MAX;
        (!read).then_some((*body, since))
    };
    state.bodies.iter().filter_map(since).collect()
}

/// Until when a client may have waited for all of a body, without reading it.
fn awaited(visit: &Visit, exchange: &Exchange) -> Option<Duration> {
    let Visit {
        ask,
        started,
        alone,
        ..
    } = visit;
    let awaits = started.order > 0 && ask.wants_whole() && exchange.suits(ask);
    let until = alone.unwrap_or(Duration::MAX);
    (awaits && until > started.at).then_some(until)
}

/// When all clients are gone and there was time to finish.
pub fn nothing_is_left(world: &World) {
    work_is_bounded(world);
    memory_is_bounded(world);
    let (stats, tasks) = (
        world.cache.stats(),
        Handle::current().metrics().num_alive_tasks(),
    );
    let mut state = world.state();
    for (what, left) in [
        ("bytes of fills", stats.fill_bytes()),
        ("fills", stats.fills()),
        ("tasks", tasks as u64),
        ("calls", state.calls.len() as u64),
        ("bodies", state.bodies.len() as u64),
    ] {
        if left > 0 {
            state.fail("nothing is left", &format!("{left} {what}"));
        }
    }
}

/// Memory is looked at so often.
const LOOKS: u32 = 32;
