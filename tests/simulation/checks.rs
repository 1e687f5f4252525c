//! Checks of what clients see, each named for its promise.

use std::time::Duration;

use crate::handlers::Failure;
use crate::origin::Kind;
use crate::settings::{Settings, secs};
use crate::sight::{Ended, Reading, Sight};
use crate::world::{BodyEnd, Exchange, Head, State, Visit, World};

type Check = fn(&Settings, &State, &Sight) -> Result<(), String>;

const CHECKS: [(&str, Check); 7] = [
    (
        "nobody gets another's response",
        nobody_gets_anothers_response,
    ),
    ("a purge stays done", a_purge_stays_done),
    (
        "no failure of the cache's own",
        no_failure_is_the_caches_own,
    ),
    (
        "only what could be reused",
        others_get_only_what_they_could_have_reused,
    ),
    ("nothing half-read is kept", nothing_half_read_is_kept),
    (
        "status and fields are the response's",
        status_is_the_responses,
    ),
    ("nobody waits without a cause", |settings, state, sight| {
        nobody_waits_without_a_cause(settings, state, sight.visit)
    }),
];

/// Checks a head, and tells what its body has to be.
pub fn head(world: &World, sight: &Sight) -> Reading {
    let mut state = world.state();
    for (promise, check) in CHECKS {
        if let Err(why) = check(&world.settings, &state, sight) {
            state.fail(promise, &format!("client {}: {why}", sight.visit));
        }
    }
    state.reads(sight.visit, sight.exchange);
    if let Some(id) = sight.exchange {
        let exchange = &mut state.exchanges[id];
        exchange.stored |= sight.cache_status.contains("; stored");
    }
    Reading::of(&state, sight)
}

/// Promise 1.
fn nobody_gets_anothers_response(
    settings: &Settings,
    state: &State,
    sight: &Sight,
) -> Result<(), String> {
    let ask = &state.visits[sight.visit].ask;
    for (id, exchange) in sight.exchanges(state) {
        let Exchange {
            resource,
            user,
            language,
            ..
        } = *exchange;
        let same = resource == ask.resource
            && (user.is_none() || user == ask.user)
            && language.is_none_or(|language| language == ask.language);
        if !same {
            return Err(format!("#{id} is of /{resource}, {user:?}, {language:?}"));
        }
    }
    for &cookie in &sight.cookies {
        let own = state.exchanges[cookie].visit == Some(sight.visit);
        if !own && (!settings.conformance || state.exchanges[cookie].alone) {
            return Err(format!("the cookie of #{cookie} is another's"));
        }
    }
    Ok(())
}

/// Promise 2.
fn a_purge_stays_done(_: &Settings, state: &State, sight: &Sight) -> Result<(), String> {
    let purged = state.visits[sight.visit].purged;
    let mut asked = None;
    for (id, exchange) in sight.exchanges(state) {
        let version = exchange.version;
        if version < purged.version {
            return Err(format!(
                "#{id} is v{version}, v{} was there",
                purged.version
            ));
        }
        asked = asked.max(Some(exchange.called.order));
    }
    if asked.is_some_and(|asked| asked < purged.order) {
        return Err("it was asked for before the purge".to_owned());
    }
    let resource = state.visits[sight.visit].ask.resource;
    let dead = asked.is_some_and(|asked| asked < state.resources[resource].purged.order);
    if dead && !sight.is_forwarded() {
        return Err("it was purged meanwhile".to_owned());
    }
    Ok(())
}

/// Promise 3.
fn no_failure_is_the_caches_own(
    settings: &Settings,
    state: &State,
    sight: &Sight,
) -> Result<(), String> {
    let visit = &state.visits[sight.visit];
    let wants_stored = visit.ask.directive == Some("only-if-cached");
    let forwarded = |exchange: &Exchange| exchange.visit == Some(sight.visit);
    if wants_stored && state.exchanges.iter().any(forwarded) {
        return Err("only-if-cached was forwarded".to_owned());
    }
    if sight.status < 500 || sight.exchanges(state).next().is_some() {
        return Ok(());
    }
    let limited = settings
        .hard_timeout
        .is_some_and(|hard| gave_up(state, visit, hard));
    if sight.status == 504 && (wants_stored || limited) {
        return Ok(());
    }
    Err(format!("{} for no reason", sight.status))
}

/// Whether the wait for the origin was given up here and now, after so long.
fn gave_up(state: &State, visit: &Visit, limit: Duration) -> bool {
    let now = state.now();
    let since = |at: Duration| {
        let before = state.lines.iter().filter(|line| line.end == at);
        before.map(|line| line.start).chain([at]).min()
    };
    let lasted = |at| since(at).is_some_and(|since| now - since >= limit);
    let mut lost = of_resource(state, visit.ask.resource)
        .filter(|exchange| exchange.head == Head::Lost && exchange.turned == Some(now));
    lasted(now) || lost.any(|exchange| lasted(exchange.called.at))
}

/// Promise 4.
fn others_get_only_what_they_could_have_reused(
    settings: &Settings,
    state: &State,
    sight: &Sight,
) -> Result<(), String> {
    let ask = &state.visits[sight.visit].ask;
    let mut last = None;
    for (id, exchange) in sight.exchanges(state) {
        let own = exchange.visit == Some(sight.visit);
        if exchange.alone && !own {
            return Err(format!("#{id} was for one client, not for this"));
        }
        last = Some((id, exchange)).filter(|_| !own);
    }
    let Some((id, exchange)) = last else {
        return Ok(());
    };
    if exchange.no_cache {
        return Err(format!("#{id} wants validation"));
    }
    let heard = settings.conformance && state.resources[ask.resource].habit.kind != Kind::Own;
    let accepts = match ask.directive.filter(|_| heard) {
        Some("no-cache") if !sight.is_forwarded() && !sight.stands_in() => {
            return Err(format!("#{id} was not validated for who wanted that"));
        }
        Some("max-stale") => Duration::MAX,
        Some("stale-if-error=5") => secs(5),
        _ => Duration::ZERO,
    };
    let age = state.now() - exchange.called.at;
    match exchange.until {
        Some(until) if age > until.saturating_add(accepts) => {
            Err(format!("#{id} was usable for {until:?} and is {age:?} old"))
        }
        _ => Ok(()),
    }
}

fn nothing_half_read_is_kept(_: &Settings, state: &State, sight: &Sight) -> Result<(), String> {
    let Some(id) = sight.exchange else {
        return Ok(());
    };
    let started = state.visits[sight.visit].started;
    let exchange = &state.exchanges[id];
    let whole = exchange.cut_at.is_some() || (exchange.end == BodyEnd::Clean && !exchange.lies);
    if !whole && exchange.ended.is_some_and(|ended| ended < started) {
        return Err(format!("#{id} did not end well"));
    }
    Ok(())
}

fn status_is_the_responses(_: &Settings, state: &State, sight: &Sight) -> Result<(), String> {
    let ask = &state.visits[sight.visit].ask;
    let of = sight.exchange.or(sight.confirmed);
    let Some(exchange) = of.map(|id| &state.exchanges[id]) else {
        return Ok(());
    };
    let len = exchange.content.len;
    let least = exchange.cut_at.unwrap_or(len);
    let right = match sight.status {
        304 => ask.condition.is_some(),
        206 => sight
            .part
            .as_ref()
            .is_some_and(|part| [least, len].contains(&part.len)),
        416 => ask.range.is_some_and(|(first, _)| first >= least),
        // The fields of a 304 may be all that shows of it.
        200 if ask.is_head() && exchange.status == 304 => true,
        status => status == exchange.status,
    };
    let whole = right && sight.status == 200 && exchange.status == 200 && !exchange.lies;
    match sight.announced {
        _ if !right => Err(format!("it was {}", exchange.status)),
        Some(bytes) if whole && bytes != len => Err(format!("it has {len} bytes")),
        _ => Ok(()),
    }
}

/// Promise 5: whoever waits is let go as soon as what he waits for has come, or has failed.
fn nobody_waits_without_a_cause(
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
    let soft = settings.soft_timeout.is_some_and(|soft| {
        let lines = state.lines.iter().map(|line| &line.end);
        let mut since = turns.iter().chain(lines).chain([&started]);
        since.any(|since| since.saturating_add(soft) == now)
    });
    let awaited = |e: &Exchange| e.head == Head::Awaited || e.ended.is_none();
    let patient = now == started + settings.collapse_timeout
        && (state.lines.iter().any(|line| line.end > now)
            || of_resource(state, visit.ask.resource).any(|e| e.called.at < now && awaited(e)));
    // Nobody can tell whose it was.
    let ready = state.lines.iter().any(|line| line.end == now);
    if soft || patient || ready {
        return Ok(());
    }
    Err(format!("it waited since {started:?}"))
}

/// Checks when a request reaches the origin.
pub fn call(settings: &Settings, state: &mut State, exchange: usize) {
    let visit = state.exchanges[exchange].visit;
    let calls = state
        .exchanges
        .iter()
        .filter(|e| e.visit.is_some() && e.visit == visit)
        .count();
    if calls > 2 {
        state.fail(
            "one request, one call",
            &format!("client {visit:?}: {calls} calls"),
        );
    }
    if let Some(visit) = state.exchanges[exchange].visit
        && let Err(why) = nobody_waits_without_a_cause(settings, state, visit)
    {
        state.fail(
            "nobody waits without a cause",
            &format!("client {visit}: {why}"),
        );
    }
}

/// Promise 3: errors are those of the client's own exchange.
pub fn failure(world: &World, visit: usize, failure: Failure) {
    let mut state = world.state();
    state.log(format_args!("client   {visit} gets the error: {failure}"));
    if state.exchanges[failure.0].visit != Some(visit) {
        let why = format!("client {visit}: {failure}, which was another's");
        state.fail("no failure of the cache's own", &why);
    }
}

/// Promise 5: panics stay with the client whose request brought them about.
pub fn panic(world: &World, visit: usize, exchange: usize) {
    let mut state = world.state();
    state.log(format_args!("client   {visit} panics with #{exchange}"));
    if state.exchanges[exchange].visit != Some(visit) {
        let why = format!("client {visit}: the panic of #{exchange} was another's");
        state.fail("the leader's fate is its own", &why);
    }
}

/// Promise 5: only where the origin itself never ends does a client wait for ever.
pub fn hangs(world: &World, visit: usize) {
    let mut state = world.state();
    let excuse = |exchange: &Exchange| {
        exchange.visit == Some(visit) && exchange.never && exchange.head != Head::Answered
    };
    let reads = state.visits[visit].reads.map(|id| state.exchanges[id].end);
    let excused = reads == Some(BodyEnd::Never) || state.exchanges.iter().any(excuse);
    state.log(format_args!("client   {visit} waits no longer"));
    if !excused {
        state.fail("nobody hangs", &format!("client {visit} had no answer"));
    }
}

/// Promise 5: who stays gets the whole body, or an error that the origin gave.
pub fn end(world: &World, sight: &Sight, reading: &Reading) {
    let mut state = world.state();
    let Sight { visit, .. } = *sight;
    state.log(format_args!("client   {visit} read {reading}"));
    if let Err(why) = body_is_whole_or_broken(&state, sight, reading) {
        state.fail(
            "the body is whole or broken",
            &format!("client {visit}: {why}"),
        );
    }
    if let Err(why) = nobody_is_slowed_by_another(&world.settings, &state, sight, reading) {
        state.fail(
            "nobody is slowed by another",
            &format!("client {visit}: {why}"),
        );
    }
}

/// Promise 5: who reads without a rest gets the body as fast as the origin gives it.
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
    match &reading.how {
        Ended::Broken(error) => {
            let slow = state.visits[sight.visit].ask.rests.is_some();
            let given = exchange.is_some_and(|e| error.is_of(sight.exchange, e.end, slow));
            given
                .then_some(())
                .ok_or_else(|| format!("broken by {error}"))
        }
        Ended::Clean if exchange.is_some_and(|e| e.cut_at == Some(reading.bytes)) => Ok(()),
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

fn of_resource(state: &State, resource: usize) -> impl Iterator<Item = &Exchange> {
    let exchanges = state.exchanges.iter();
    exchanges.filter(move |exchange| exchange.resource == resource)
}

/// The pump of a body that is not kept runs ahead of the slowest reader by so much.
const WINDOW: usize = 256 << 10;
