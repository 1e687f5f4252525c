//! One schedule: everything that happens follows from its seed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, sleep_until};
use tower::Layer;

use crate::asks::Ask;
use crate::clients::{Services, visit};
use crate::moment::Moment;
use crate::origin::{Habit, Origin};
use crate::settings::{chance, millis, pick, secs};
use crate::themes::Theme;
use crate::world::{Purged, Resource, Visit, World};
use crate::{limits, purges};

pub struct Outcome {
    pub failures: Vec<String>,
    /// Settings, and what happened.
    pub log: String,
}

/// Runs a schedule in a thread of its own, so that no other leaves a trace in it.
pub fn run(theme: Theme, seed: u64) -> Outcome {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let run = move || runtime.block_on(play(theme, seed));
    std::thread::spawn(run).join().unwrap()
}

enum Step {
    Clear,
    Purge(purges::Plan),
    Visit(usize),
}

async fn play(theme: Theme, seed: u64) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    fastrand::seed(rng.u64(..));
    let world = Arc::new(World::new(theme, rng.fork()));
    for _ in 0..rng.usize(1..=4) {
        let habit = Habit::random(&mut rng, &world);
        world.state().resources.push(Resource::new(habit));
    }
    let steps = steps(&mut rng, &world);
    let mut log = String::new();
    writeln!(log, "{theme:?}\n{:?}", world.settings).unwrap();
    for resource in &world.state().resources {
        writeln!(log, "{:?}", resource.habit).unwrap();
    }
    follow(&world, steps).await;
    let (failures, events) = world.finish();
    log.push_str(&events);
    Outcome { failures, log }
}

/// Requests and purges, alone and in crowds.
fn steps(rng: &mut Rng, world: &World) -> Vec<(Duration, Step)> {
    let mut state = world.state();
    let (resources, theme) = (state.resources.len(), &world.theme);
    let count = rng.usize(30..=200).min(rng.usize(30..=200));
    let span = pick(rng, &[1_000, 5_000, 30_000]);
    let mut steps = Vec::new();
    while steps.len() < count {
        let at = millis(rng.u64(..span));
        if chance(rng, theme.clears) {
            steps.push((at, Step::Clear));
            continue;
        }
        let crowd = if chance(rng, theme.crowds) {
            rng.usize(2..12)
        } else {
            1
        };
        let resource = rng.usize(..resources);
        let spread = pick(rng, &[0, 50, 1_000]);
        for _ in 0..crowd {
            let ask = Ask::random(rng, theme, resource);
            state.visits.push(Visit {
                ask,
                started: Moment::default(),
                purged: Purged::default(),
                alone: None,
                served: None,
                reads: None,
            });
            let later = millis(rng.u64(..=spread));
            if chance(rng, theme.purges) {
                let plan = purges::Plan::random(rng, theme, resources);
                steps.push((at + later, Step::Purge(plan)));
            }
            steps.push((at + later, Step::Visit(state.visits.len() - 1)));
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

async fn follow(world: &Arc<World>, steps: Vec<(Duration, Step)>) {
    let origin = |own| Origin::new(world, own);
    let services = Services {
        shared: world
            .settings
            .shared_layer(&world.cache)
            .layer(origin(false)),
        own: world.settings.own_layer(&world.cache).layer(origin(true)),
    };
    let (start, mut clients) = (Instant::now(), Vec::new());
    for (at, step) in steps {
        sleep_until(start + at).await;
        match step {
            Step::Clear => clear(world),
            Step::Purge(plan) => plan.carry_out(world),
            Step::Visit(id) => {
                let client = visit(Arc::clone(world), services.clone(), id);
                clients.push(tokio::spawn(client));
            }
        }
    }
    for client in clients {
        client.await.unwrap();
    }
    world.log(format_args!("all clients are gone"));
    sleep(world.settings.finish_within * 2 + secs(30)).await;
    limits::nothing_is_left(world);
}

fn clear(world: &World) {
    world.cache.clear();
    let mut state = world.state();
    state.log(format_args!("clear"));
    let all: Vec<usize> = (0..state.resources.len()).collect();
    state.purged(&all);
}
