//! Checks of what clients see, each named for its promise.

use std::time::Duration;

use crate::exchange::{BodyEnd, Exchange, Head};
use crate::fate::{nobody_is_put_off_too_soon, nobody_waits_without_a_cause};
use crate::handlers::Failure;
use crate::origin::Kind;
use crate::purges::what_was_purged_softly_is_stale;
use crate::settings::{Settings, secs};
use crate::sight::{Reading, Sight};
use crate::world::{State, Visit, World};

type Check = fn(&Settings, &State, &Sight) -> Result<(), String>;

const CHECKS: [(&str, Check); 9] = [
    (
        "nobody gets another's response",
        nobody_gets_anothers_response,
    ),
    ("a purge stays done", a_purge_stays_done),
    ("a soft purge stays done", |_, state, sight| {
        what_was_purged_softly_is_stale(state, sight)
    }),
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
    ("nobody is put off too soon", nobody_is_put_off_too_soon),
    ("nobody waits without a cause", |settings, state, sight| {
        nobody_waits_without_a_cause(settings, state, sight.visit)
    }),
];

/// Checks a head, and tells what its body has to be.
pub fn head(world: &World, sight: &Sight) -> Reading {
    let mut state = world.state();
    for (promise, check) in CHECKS {
        let found = check(&world.settings, &state, sight);
        state.judge(promise, sight.visit, found);
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
        if !exchange.suits(ask) {
            let Exchange {
                resource,
                user,
                language,
                ..
            } = *exchange;
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
    let purged = state.purged_for(resource, state.visits[sight.visit].ask.user);
    let dead = asked.is_some_and(|asked| asked < purged.order);
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
    let mut lost = state
        .of_resource(visit.ask.resource)
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
    let started = state.visits[sight.visit].started;
    let softened = state.softened_between(ask.resource, ask.user, exchange.called, started);
    if let Some(softened) = softened.filter(|_| exchange.until.is_some()) {
        let stale = state.now() - softened.at;
        if stale > exchange.windows.saturating_add(accepts) {
            let windows = exchange.windows;
            return Err(format!(
                "#{id} has {windows:?}, and was purged {stale:?} ago"
            ));
        }
    }
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

/// Promise 3: errors are those of the client's own exchange.
pub fn failure(world: &World, visit: usize, failure: Failure) {
    let mut state = world.state();
    state.log(format_args!("client   {visit} gets the error: {failure}"));
    let own = state.exchanges[failure.0].visit == Some(visit);
    let found = own
        .then_some(())
        .ok_or_else(|| format!("{failure}, which was another's"));
    state.judge("no failure of the cache's own", visit, found);
}
