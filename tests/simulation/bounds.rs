//! What the schedules take for the most that fills may hold is not too little.

use std::sync::Arc;

use fastrand::Rng;
use http::Request;
use tower::Service;

use crate::exchange::BodyEnd;
use crate::limits::filled;
use crate::moment::Moment;
use crate::origin::{Habit, Origin};
use crate::settings::secs;
use crate::themes;
use crate::world::{Resource, World};

const BYTES: usize = 3000;

/// A response of which all has come, and that somebody still reads: its client was told that it is
/// stored.
fn world_with_a_stored_response() -> Arc<World> {
    let mut rng = Rng::with_seed(0);
    let mut world = World::new(themes::CALM, rng.fork());
    let settings = &mut world.settings;
    settings.max_purge_records = Some(0);
    settings.max_body_bytes = 1 << 20;
    (settings.max_bytes, settings.max_fill_bytes) = (64 << 20, 64 << 20);
    let habit = Habit::random(&mut rng, &world);
    let mut state = world.state();
    state.resources.push(Resource::new(habit));
    let id = state.called(0, None);
    let exchange = &mut state.exchanges[id];
    (exchange.given, exchange.readers) = (BYTES, 1);
    (exchange.stored, exchange.end) = (true, BodyEnd::Clean);
    exchange.ended = Some(Moment::default());
    drop(state);
    Arc::new(world)
}

fn write(world: &Arc<World>) -> impl Future {
    let request = Request::put("/0").body(http_body_util::Empty::new());
    Origin::new(world, false).call(request.unwrap())
}

/// Where few purges are remembered each is a sweep, and what is fetched meanwhile may be given up. A
/// write of which nobody knows what came of it purges softly.
#[tokio::test(start_paused = true)]
async fn what_was_fetched_while_a_write_was_given_up_may_not_be_stored() {
    let world = world_with_a_stored_response();
    tokio::time::advance(secs(1)).await;
    let bytes = || filled(&world.state(), &world.settings);
    assert_eq!(bytes(), 0);
    let given_up = write(&world);
    assert_eq!(bytes(), 0);
    drop(given_up);
    assert_eq!(bytes(), BYTES as u64);
}
