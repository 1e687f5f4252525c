//! Checks of what becomes of a client: promise 5, the leader's fate is not the followers'.

use crate::asks::Ask;
use crate::exchange::{BodyEnd, Exchange, Head};
use crate::limits;
use crate::settings::Settings;
use crate::sight::{Ended, Reading, Sight};
use crate::world::{State, World};

/// Whoever waits is let go as soon as what he waits for has come, or has failed.
pub fn nobody_waits_without_a_cause(
    settings: &Settings,
    state: &State,
    visit: usize,
) -> Result<(), String> {
    let visit = &state.visits[visit];
    let (now, started) = (state.now(), visit.started.at);
    let turns = &state.resources[visit.ask.resource].turns;
    if now == started || turns.last() == Some(&now) {
        return Ok(());
    }
    let soft = settings.soft_timeout.map(|soft| started + soft) == Some(now);
    let awaited = |e: &Exchange| e.head == Head::Awaited || e.ended.is_none();
    let patient = now == started + settings.collapse_timeout
        && (state.lines.iter().any(|line| line.end > now)
            || state
                .of_resource(visit.ask.resource)
                .any(|e| e.called.at < now && awaited(e)));
    // Nobody can tell whose it was.
    let ready = state.lines.iter().any(|line| line.end == now);
    if soft || patient || ready || is_refused(settings, state, &visit.ask) {
        return Ok(());
    }
    Err(format!("it waited since {started:?}"))
}

/// What is stored stands in when the origin had the time that it has.
pub fn nobody_is_put_off_too_soon(
    settings: &Settings,
    state: &State,
    sight: &Sight,
) -> Result<(), String> {
    let started = state.visits[sight.visit].started.at;
    let until = settings.soft_timeout.map(|soft| started + soft);
    if sight.cache_status.contains("soft-timeout") && until.is_none_or(|until| state.now() < until)
    {
        return Err(format!("there was time until {until:?}"));
    }
    Ok(())
}

/// All of a body was wanted, and it shows now that not all of it will be kept.
fn is_refused(settings: &Settings, state: &State, ask: &Ask) -> bool {
    let too_many = limits::filled(state, settings) > settings.max_fill_bytes;
    let refused = |exchange: &Exchange| {
        let too_long = exchange.given as u64 > settings.max_body_bytes;
        let cut = exchange.cut_at.is_some_and(|bytes| exchange.given > bytes);
        exchange.gave == Some(state.now()) && (too_many || too_long || cut)
    };
    let mut suiting = state
        .of_resource(ask.resource)
        .filter(|exchange| exchange.suits(ask));
    ask.wants_whole() && suiting.any(refused)
}

/// Checks when a request reaches the origin.
pub fn call(settings: &Settings, state: &mut State, exchange: usize) {
    let Some(visit) = state.exchanges[exchange].visit else {
        return;
    };
    let found = nobody_waits_without_a_cause(settings, state, visit);
    state.judge("nobody waits without a cause", visit, found);
    let own = |exchange: &&Exchange| exchange.visit == Some(visit);
    let calls = state.exchanges.iter().filter(own).count();
    // Once more when the first response was about something else.
    let found = if calls > 2 {
        Err(format!("{calls} calls"))
    } else {
        Ok(())
    };
    state.judge("one request, one call", visit, found);
}

/// Panics stay with the client whose request brought them about.
pub fn panic(world: &World, visit: usize, exchange: usize) {
    let mut state = world.state();
    state.log(format_args!("client   {visit} panics with #{exchange}"));
    let own = state.exchanges[exchange].visit == Some(visit);
    let found = own
        .then_some(())
        .ok_or_else(|| format!("the panic of #{exchange}"));
    state.judge("the leader's fate is its own", visit, found);
}

/// Only where the origin itself never ends does a client wait for ever.
pub fn hangs(world: &World, visit: usize) {
    let mut state = world.state();
    state.log(format_args!("client   {visit} waits no longer"));
    let own = |exchange: &Exchange| exchange.visit == Some(visit);
    let never = |exchange: &Exchange| exchange.never && exchange.head != Head::Answered;
    let reads = state.visits[visit].reads.map(|id| state.exchanges[id].end);
    let mut exchanges = state.exchanges.iter();
    let excused = reads == Some(BodyEnd::Never) || exchanges.any(|e| own(e) && never(e));
    let found = excused.then_some(()).ok_or_else(|| "no answer".to_owned());
    state.judge("nobody hangs", visit, found);
}

/// Who stays gets the whole body, or an error that the origin gave.
pub fn end(world: &World, sight: &Sight, reading: &Reading) {
    let mut state = world.state();
    let Sight { visit, .. } = *sight;
    state.log(format_args!("client   {visit} read {reading}"));
    let found = body_is_whole_or_broken(&state, sight, reading);
    state.judge("the body is whole or broken", visit, found);
    let found = nobody_is_slowed_by_another(&world.settings, &state, sight, reading);
    state.judge("nobody is slowed by another", visit, found);
}

/// Who reads without a rest gets the body as fast as the origin gives it.
fn nobody_is_slowed_by_another(
    settings: &Settings,
    state: &State,
    sight: &Sight,
    reading: &Reading,
) -> Result<(), String> {
    let visit = &state.visits[sight.visit];
    let (Some(id), Some(since)) = (sight.exchange, visit.served) else {
        return Ok(());
    };
    let exchange = &state.exchanges[id];
    // Of a body that is not kept nobody is far ahead of the others.
    let kept = exchange.content.len < WINDOW && settings.max_fill_bytes > 1 << 20;
    let together = exchange.together && !kept;
    let took = state.now() - since;
    if visit.ask.rests.is_none() && !together && took > exchange.pauses {
        return Err(format!(
            "{} bytes took {took:?}, not {:?}",
            reading.bytes, exchange.pauses
        ));
    }
    Ok(())
}

fn body_is_whole_or_broken(state: &State, sight: &Sight, reading: &Reading) -> Result<(), String> {
    if let Some(wrong) = &reading.wrong {
        return Err(wrong.clone());
    }
    let exchange = sight.exchange.map(|id| &state.exchanges[id]);
    // As long as the body was taken to be.
    let len = match &sight.part {
        Some(part) if reading.bytes == reading.expected => part.len,
        _ => reading.bytes,
    };
    match &reading.how {
        Ended::Broken(error) => {
            let slow = state.visits[sight.visit].ask.rests.is_some();
            let given = exchange.is_some_and(|e| error.is_of(sight.exchange, e.end, slow));
            given
                .then_some(())
                .ok_or_else(|| format!("broken by {error}"))
        }
        Ended::Clean if exchange.is_some_and(|e| e.cut_at == Some(len)) => Ok(()),
        Ended::Clean if reading.bytes != reading.expected => {
            Err(format!("{} bytes of {}", reading.bytes, reading.expected))
        }
        Ended::Clean
            if reading.expected > 0 && exchange.is_some_and(|e| e.end != BodyEnd::Clean) =>
        {
            Err("a clean end of a broken body".to_owned())
        }
        Ended::Clean | Ended::Stopped => Ok(()),
    }
}

/// The pump of a body that is not kept runs ahead of the slowest reader by so much.
const WINDOW: usize = 256 << 10;
