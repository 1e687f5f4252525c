//! Promise 6: memory and work are bounded, and nothing is left behind.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::world::{Head, State, World};

/// At any time.
pub fn work_is_bounded(world: &World) {
    let limits = &world.settings;
    let mut state = world.state();
    let background = unattended(&state);
    let (is, limit) = (background.len(), limits.max_background);
    if is > limit {
        let why = format!("{is} calls without a client, at most {limit}");
        state.fail("work is bounded", &why);
    }
    for (call, since) in background {
        if state.now() - since > limits.finish_within {
            let why = format!("#{call} goes on since {since:?} without a client");
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
    let variants = stats.keys() * limits.max_variants as u64;
    for (what, is, limit) in [
        ("bytes", stats.bytes(), limits.max_bytes),
        ("bytes of fills", stats.fill_bytes(), limits.max_fill_bytes),
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

/// Calls for which no client waits, and since when.
fn unattended(state: &State) -> Vec<(usize, Duration)> {
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

/// When all clients are gone and there was time to finish.
pub fn nothing_is_left(world: &World) {
    work_is_bounded(world);
    memory_is_bounded(world);
    let (stats, tasks) = (
        world.cache.stats(),
        Handle::current().metrics().num_alive_tasks(),
    );
    let mut state = world.state();
    let bodies = state.exchanges.iter();
    let bodies = bodies.filter(|e| e.head == Head::Answered && e.ended.is_none());
    let bodies = bodies.count();
    for (what, left) in [
        ("bytes of fills", stats.fill_bytes()),
        ("fills", stats.fills()),
        ("tasks", tasks as u64),
        ("calls", state.calls.len() as u64),
        ("bodies", bodies as u64),
    ] {
        if left > 0 {
            state.fail("nothing is left", &format!("{left} {what}"));
        }
    }
}

/// Memory is looked at so often.
const LOOKS: u32 = 64;
