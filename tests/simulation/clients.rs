//! Clients: they ask, read, rest, and leave.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use larder::{CacheService, ResponseBody};
use tokio::time::{sleep, timeout};
use tower::Service;

use crate::asks::Ask;
use crate::body::Body;
use crate::handlers::Panicked;
use crate::origin::{Kind, Origin};
use crate::purges::group as group_of;
use crate::settings::secs;
use crate::sight::{Part, Reading, Sight};
use crate::world::World;
use crate::{checks, fate, limits};

/// The same cache in front of the same origin, in two layers.
#[derive(Clone)]
pub struct Services {
    pub shared: CacheService<Origin>,
    pub own: CacheService<Origin>,
}

/// A client's whole life.
pub async fn visit(world: Arc<World>, mut services: Services, id: usize) {
    let (ask, kind) = {
        let state = world.state();
        let ask = state.visits[id].ask.clone();
        let kind = state.resources[ask.resource].habit.kind;
        (ask, kind)
    };
    let own = if ask.is_read() {
        kind == Kind::Own
    } else {
        ask.own_layer
    };
    let service = if own {
        &mut services.own
    } else {
        &mut services.shared
    };
    let life = AssertUnwindSafe(live(&world, service, id, &ask)).catch_unwind();
    let ended = timeout(ask.leaves.unwrap_or(PATIENCE), life).await;
    world.state().gone(id);
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => panicked(&world, id, &*panic),
        Err(_) if ask.leaves.is_some() => world.log(format_args!("client   {id} leaves")),
        Err(_) => fate::hangs(&world, id),
    }
    limits::work_is_bounded(&world);
}

async fn live(world: &Arc<World>, service: &mut CacheService<Origin>, id: usize, ask: &Ask) {
    let request = ask.request(id);
    world.state().start(id);
    let answer = service.call(request).await;
    world.state().served(id);
    match answer {
        Err(failure) => checks::failure(world, id, failure),
        Ok(response) => {
            let sight = see(world, id, ask, &response);
            limits::work_is_bounded(world);
            let reading = checks::head(world, &sight);
            let ended = read(response, ask, sight.announced, reading).await;
            fate::end(world, &sight, &ended);
        }
    }
}

fn see(world: &World, id: usize, ask: &Ask, response: &Response<ResponseBody<Body>>) -> Sight {
    let fields = response.headers();
    let mut state = world.state();
    let status = response.status().as_u16();
    let exchange = number(fields, "x-exchange");
    if !ask.is_read() && status < 400 {
        let field = ["location", "content-location"]
            .into_iter()
            .find_map(|name| fields.get(name));
        let related = field.map(|path| path.to_str().unwrap()[1..].parse().unwrap());
        let group = fields.get("cache-group-invalidation");
        let of_group = |resource: &usize| group.is_some_and(|named| *named == group_of(*resource));
        let of_group = (0..state.resources.len()).filter(of_group);
        let changed = related.into_iter().chain([ask.resource]).chain(of_group);
        let changed: Vec<usize> = changed.collect();
        state.purged(&changed);
    }
    let text = |name| fields.get(name).map(|value| value.to_str().unwrap());
    let sight = Sight {
        visit: id,
        status,
        exchange,
        confirmed: number(fields, "x-confirmed"),
        cookies: fields
            .get_all("set-cookie")
            .iter()
            .map(|cookie| cookie.to_str().unwrap()["seen=".len()..].parse().unwrap())
            .collect(),
        part: text("content-range").and_then(Part::parse),
        announced: number(fields, "content-length"),
        cache_status: text("cache-status").unwrap_or("-").to_owned(),
    };
    state.log(format_args!("client   {id} sees {sight}"));
    sight
}

/// Reads a body as its client does.
async fn read(
    response: Response<ResponseBody<Body>>,
    ask: &Ask,
    announced: Option<usize>,
    mut reading: Reading,
) -> Reading {
    let mut body = pin!(response.into_body());
    loop {
        if ask.stops_at_length && announced == Some(reading.bytes) {
            return reading.stopped();
        }
        match body.frame().await {
            None => return reading.ended(),
            Some(Err(error)) => return reading.broken(error),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    reading.take(data);
                }
            }
        }
        if let Some(rest) = ask.rests {
            sleep(rest).await;
        }
    }
}

fn panicked(world: &World, id: usize, panic: &(dyn Any + Send)) {
    match panic.downcast_ref() {
        Some(Panicked(exchange)) => fate::panic(world, id, *exchange),
        None => {
            let text = panic.downcast_ref::<String>().cloned();
            let why = text.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).to_owned()));
            let why = format!("client {id} panicked: {}", why.unwrap_or_default());
            world.state().fail("no panic", &why);
        }
    }
}

fn number(fields: &HeaderMap, name: &str) -> Option<usize> {
    fields.get(name)?.to_str().ok()?.parse().ok()
}

/// Longer than any wait of a client who gets an answer at all.
const PATIENCE: Duration = secs(400);
