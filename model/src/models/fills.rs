//! Requests for one response: they are answered from a store, or meet on a flight, whose leader
//! calls the handler and hands the body to a pump. The protocol of the core, in small.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use shuttle::future::{block_on, spawn};

use super::content::content;
use super::exchange::{Entry, Flight, Follower, Landing, Leader, World};
use super::plan::Plan;
use super::pumping::{Keeper, Pumping};
use super::reading::{Outcome, Reading, Stream};
use super::story::Story;
use crate::buffer::Buffer;
use crate::buffer::engine::{Engine, Led};
use crate::chance::{below, linger, one_in};
use crate::flights::Boarded;
use crate::runtime::panic_as_planned;
use crate::schedules::seen;

/// Some requests and some purges; clients leave, handlers fail, bodies fail, panic, grow too large.
///
/// # Panics
///
/// When somebody is left waiting, gets other bytes than those of a live response, or the handler is
/// called more than once without a reason.
pub fn fills() {
    let world = World::any();
    let requests: Vec<_> = (0..=below(REQUESTS))
        .map(|_| spawn(client(Arc::clone(&world))))
        .collect();
    // Now and then all leave.
    let often = if one_in(3) { 1 } else { 3 };
    let leaving = requests.iter().filter(|_| one_in(often));
    let leaving: Vec<_> = leaving.map(|request| request.abort_handle()).collect();
    world.runtime.spawn(async move {
        for client in leaving {
            linger(40).await;
            client.abort();
        }
    });
    let purging = Arc::clone(&world);
    world.runtime.spawn(async move {
        while one_in(4) {
            linger(40).await;
            purging.purge();
        }
    });
    block_on(async {
        for request in requests {
            let _ = request.await;
        }
        world.runtime.finish().await;
    });
    world.audit_end();
}

/// Asks again at once if the body broke off.
async fn client(world: Arc<World>) {
    for _ in 0..3 {
        if Client::new(&world).await != Outcome::Failed {
            return;
        }
    }
}

/// A request's future. When it is dropped while it leads, the work goes on if it is wanted.
struct Client {
    world: Arc<World>,
    work: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    leads: Arc<OnceLock<Arc<Flight>>>,
}

impl Client {
    fn new(world: &Arc<World>) -> Self {
        let leads = Arc::default();
        let work = request(Arc::clone(world), Arc::clone(&leads));
        Self {
            world: Arc::clone(world),
            work: Some(Box::pin(work)),
            leads,
        }
    }
}

impl Future for Client {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let work = self.work.as_mut().expect("it has not ended");
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let (Some(work), Some(flight)) = (self.work.take(), self.leads.get()) else {
            return;
        };
        if self.world.finishes || flight.has_followers() {
            seen("finished without its client");
            self.world.runtime.spawn(async {
                work.await;
            });
        } else {
            self.world.fault("dropped with its client");
            drop(work);
        }
    }
}

async fn request(world: Arc<World>, leads: Arc<OnceLock<Arc<Flight>>>) -> Outcome {
    let asked = world.position();
    if let Some(entry) = world.look() {
        seen("hit");
        world.audit_hit(&entry, asked);
        return Outcome::Whole;
    }
    let (mut met, mut closes) = (HashSet::new(), false);
    for _ in 0..MAX_FLIGHTS {
        let follower = match world.board() {
            Boarded::Full => return alone("full"),
            Boarded::Lead(leader) => {
                let _ = leads.set(Arc::clone(leader.flight()));
                return lead(&world, leader, asked).await;
            }
            Boarded::Follow(follower) => follower,
        };
        let first = met.insert(follower.flight().mark().id);
        assert!(first || closes, "met the same flight again");
        match follow(&world, follower, asked).await {
            Followed::Answer(outcome) => return outcome,
            Followed::Again => {}
            Followed::Alone => return alone("alone"),
            Followed::Refused(stream) => closes = stream.story.note(|notes| notes.closes),
        }
    }
    alone("flew too often")
}

/// Goes forward by itself.
fn alone(why: &'static str) -> Outcome {
    seen(why);
    Outcome::Whole
}

enum Followed {
    Again,
    Alone,
    Answer(Outcome),
    Refused(Arc<Stream>),
}

/// Keeps the follower's place until it has what it followed for.
async fn follow(world: &World, mut follower: Follower, asked: u64) -> Followed {
    let born = follower.flight().mark().born;
    assert!(born >= asked, "joined what a purge had overtaken");
    match (&mut follower).await {
        None | Some(Landing::Failed) => Followed::Again,
        Some(Landing::Alone) => Followed::Alone,
        Some(Landing::Stored(entry)) if world.is_live(entry.born) => {
            world.audit_hit(&entry, asked);
            Followed::Answer(Outcome::Whole)
        }
        Some(Landing::Streaming(born, stream)) if world.is_live(born) => {
            let Some(reading) = stream.join() else {
                return Followed::Refused(stream);
            };
            drop((follower, stream));
            seen("followed");
            Followed::Answer(reading.read_all(pause()).await)
        }
        Some(Landing::Stored(_) | Landing::Streaming(..)) => Followed::Again,
    }
}

fn pause() -> usize {
    if one_in(4) { 12 } else { 1 }
}

async fn lead(world: &Arc<World>, leader: Leader, asked: u64) -> Outcome {
    if let Some(entry) = world.look() {
        seen("found when it led");
        world.audit_hit(&entry, asked);
        leader.conclude(Landing::Stored(entry));
        return Outcome::Whole;
    }
    let born = leader.flight().mark().born;
    let version = world.call();
    linger(9).await;
    match below(8) {
        0 => {
            world.fault("handler failed");
            leader.conclude(Landing::Failed);
        }
        1 => {
            world.fault("handler panicked");
            world.runtime.spawn(async move {
                let _leader = leader;
                panic_as_planned();
            });
        }
        2 => {
            world.fault("not for others");
            leader.conclude(Landing::Alone);
        }
        3 => {
            let body = content(version, 0, 100);
            let entry = Entry {
                born,
                version,
                body,
            };
            if world.publish(entry.clone()) {
                leader.conclude(Landing::Stored(entry));
            }
        }
        _ => {
            let reading = take_off(world, leader, born, version);
            return reading.read_all(pause()).await;
        }
    }
    Outcome::Whole
}

/// Hands the body over to a pump, which its client runs, and whoever joins sets free.
fn take_off(world: &Arc<World>, leader: Leader, born: u64, version: u64) -> Reading {
    let (buffer, reader) = Buffer::new(world.budget.open());
    let engine = Engine::new(world.runtime.clone());
    let stream = Arc::new(Stream {
        story: Story::new(version),
        buffer,
        engine: Arc::downgrade(&engine),
    });
    leader.land(Landing::Streaming(born, Arc::clone(&stream)));
    let keeper = Keep {
        world: Arc::clone(world),
        leader,
        version,
    };
    let pumping = Pumping::new(&stream, keeper, Plan::short(), &world.runtime);
    engine.start(pumping.run());
    Reading::led(&stream.story, Led::new(reader, engine))
}

/// Keeps a body in the store. Those who board follow its leader.
struct Keep {
    world: Arc<World>,
    leader: Leader,
    version: u64,
}

impl Keeper for Keep {
    fn goes_on(&self) -> bool {
        self.world.finishes || self.leader.flight().has_followers()
    }

    fn publish(&self, body: Bytes) -> bool {
        self.world.publish(Entry {
            born: self.leader.flight().mark().born,
            version: self.version,
            body,
        })
    }

    fn give_up(&self, reason: &'static str) {
        self.world.fault(reason);
    }
}

/// At most.
const REQUESTS: usize = 6;
/// So many flights a request follows before it goes forward by itself.
const MAX_FLIGHTS: usize = 4;
