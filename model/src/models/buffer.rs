//! A body that is pumped into a buffer, in pieces of any size, and read by many at once.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use bytes::Bytes;
use shuttle::future::{block_on, spawn, yield_now};

use super::plan::Plan;
use super::pumping::{Keeper, Pumping};
use super::reading::{Outcome, Reading, Stream};
use super::story::Story;
use crate::buffer::Buffer;
use crate::buffer::budget::Budget;
use crate::buffer::engine::{Engine, Led};
use crate::buffer::reader::Reader;
use crate::buffer::state::WINDOW_BYTES;
use crate::chance::{below, linger, one_in};
use crate::runtime::Handle;
use crate::schedules::seen;

/// One body, those who read it from its start, those who join, those who leave.
///
/// # Panics
///
/// When a promise of the buffer is broken.
pub fn bodies() {
    let plan = Plan::any();
    let limit = if one_in(3) {
        plan.bytes() / 2
    } else {
        u64::MAX
    };
    let budget = Arc::new(Budget::new(limit));
    let runtime = Handle::default();
    let (stream, first) = open(&runtime, plan, &budget, limit);
    let mut readers = vec![spawn(read(first))];
    for _ in 0..below(4) {
        readers.push(spawn(join(Arc::clone(&stream))));
    }
    let leaving = readers.iter().filter(|_| one_in(6));
    let leaving: Vec<_> = leaving.map(|reader| reader.abort_handle()).collect();
    runtime.spawn(async move {
        for reader in leaving {
            linger(30).await;
            reader.abort();
        }
    });
    runtime.spawn(cut(stream));
    block_on(async {
        for reader in readers {
            let _ = reader.await;
        }
        runtime.finish().await;
    });
    assert_eq!(budget.reserved(), 0, "reserved by nobody");
}

/// A body that its first client moves, or a task of its own.
fn open(runtime: &Handle, plan: Plan, budget: &Arc<Budget>, limit: u64) -> (Arc<Stream>, Reading) {
    let (mut stream, reader) = stream(budget);
    let pumping = Pumping::new(&stream, Fickle, plan, runtime).within(budget, limit);
    let first = if one_in(2) {
        let engine = Engine::new(runtime.clone());
        stream.engine = Arc::downgrade(&engine);
        engine.start(pumping.run());
        Reading::led(&stream.story, Led::new(reader, engine))
    } else {
        runtime.spawn(pumping.run());
        Reading::first(&stream.story, reader)
    };
    (Arc::new(stream), first)
}

fn stream(budget: &Arc<Budget>) -> (Stream, Reader) {
    let (buffer, reader) = Buffer::new(budget.open());
    let stream = Stream {
        story: Story::new(0),
        buffer,
        engine: Weak::new(),
    };
    (stream, reader)
}

/// Keeps some bodies, and some not.
struct Fickle;

impl Keeper for Fickle {
    fn goes_on(&self) -> bool {
        one_in(2)
    }

    fn publish(&self, _body: Bytes) -> bool {
        one_in(2)
    }

    fn give_up(&self, reason: &'static str) {
        seen(reason);
    }
}

/// Time passes, now and then so much that who holds back the others is cut off.
async fn cut(stream: Arc<Stream>) {
    for _ in 0..below(4) {
        linger(20).await;
        stream.story.note(|notes| notes.cuts = true);
        stream.buffer.cut_slowest();
    }
}

async fn join(stream: Arc<Stream>) {
    linger(30).await;
    let Some(reading) = stream.join() else {
        return;
    };
    drop(stream);
    let waits = one_in(4);
    if waits && !reading.wait().await && one_in(2) {
        return;
    }
    read(reading).await;
}

async fn read(mut reading: Reading) {
    let pause = if one_in(4) { 12 } else { 1 };
    let patience = if one_in(6) { below(6) } else { usize::MAX };
    for _ in 0..patience {
        // Moved from one task to another: the waker of the last poll counts.
        if one_in(6)
            && let Poll::Ready(Some(_)) = reading.glance()
        {
            return;
        }
        if poll_fn(|cx| reading.poll(cx)).await.is_some() {
            return;
        }
        linger(pause).await;
    }
}

/// Of two readers one has stopped reading. It is cut off, once, and then holds back nobody any more.
/// If the other one leaves, nobody reads.
///
/// # Panics
///
/// When it is not cut off, or the other one does not get all of the body.
pub fn stall() {
    let limit = if one_in(2) { WINDOW_BYTES } else { u64::MAX };
    let budget = Arc::new(Budget::new(limit));
    let runtime = Handle::default();
    let (stream, reader) = stream(&budget);
    let stalled = stream.join().expect("it is whole at its start");
    let diligent = spawn(Reading::first(&stream.story, reader).read_all(1));
    let plan = Plan::overflowing(WINDOW_BYTES * 4);
    let pumping = Pumping::new(&stream, Fickle, plan, &runtime).within(&budget, limit);
    runtime.spawn(pumping.run());
    let cut = spawn(cut_off(stalled, stream));
    block_on(async {
        let mut stalled = cut.await.expect("it is cut off");
        let leaves = one_in(3);
        if leaves {
            diligent.abort();
        }
        runtime.finish().await;
        match diligent.await {
            Ok(outcome) => assert_eq!(outcome, Outcome::Whole),
            Err(_) => assert!(leaves),
        }
        assert_eq!(stalled.glance(), Poll::Ready(Some(Outcome::Cut)));
    });
}

/// Time passes until the buffer lets go of what this reader has not read. It does not leave.
async fn cut_off(mut stalled: Reading, stream: Stream) -> Reading {
    loop {
        let arrived = stream.buffer.arrived();
        let held: usize = stream.buffer.pieces().iter().map(Bytes::len).sum();
        if (held as u64) < arrived {
            stalled.is_cut();
            return stalled;
        }
        stream.story.note(|notes| notes.cuts = true);
        stream.buffer.cut_slowest();
        yield_now().await;
    }
}

/// Of a body that sends nothing any more, everybody leaves, while others come: the pump learns of it,
/// and stops when nobody can join any more.
///
/// # Panics
///
/// When a promise of the buffer is broken.
pub fn desertion() {
    let budget = Arc::new(Budget::new(u64::MAX));
    let runtime = Handle::default();
    let (stream, reader) = stream(&budget);
    let pumping = Pumping::new(&stream, Unwanted, Plan::silent(), &runtime);
    runtime.spawn(pumping.run());
    let mut readers = vec![spawn(Reading::first(&stream.story, reader).read_all(1))];
    let stream = Arc::new(stream);
    for _ in 0..below(3) {
        readers.push(spawn(join_silence(Arc::clone(&stream))));
    }
    drop(stream);
    block_on(async {
        for reader in readers {
            linger(9).await;
            reader.abort();
            let _ = reader.await;
        }
        runtime.finish().await;
    });
    assert_eq!(budget.reserved(), 0, "reserved by nobody");
}

async fn join_silence(stream: Arc<Stream>) -> Outcome {
    linger(9).await;
    let Some(reading) = stream.join() else {
        return Outcome::Failed;
    };
    drop(stream);
    if one_in(3) {
        reading.wait().await;
    }
    reading.read_all(1).await
}

/// Wants nothing to be kept that nobody reads.
struct Unwanted;

impl Keeper for Unwanted {
    fn goes_on(&self) -> bool {
        false
    }

    fn publish(&self, _body: Bytes) -> bool {
        false
    }

    fn give_up(&self, reason: &'static str) {
        seen(reason);
    }
}

/// Somebody joins a body that its first client moves, and who stops reading after a while: the body
/// moves on without him.
///
/// # Panics
///
/// When somebody does not get all of it.
pub fn release() {
    let budget = Arc::new(Budget::new(u64::MAX));
    let runtime = Handle::default();
    let (mut stream, reader) = stream(&budget);
    let engine = Engine::new(runtime.clone());
    stream.engine = Arc::downgrade(&engine);
    let stream = Arc::new(stream);
    let joined: Vec<_> = (0..=below(2))
        .map(|_| spawn(join_all(Arc::clone(&stream))))
        .collect();
    let pumping = Pumping::new(&stream, Fickle, Plan::sound(), &runtime);
    engine.start(pumping.run());
    let mut leader = Reading::led(&stream.story, Led::new(reader, engine));
    let leader = spawn(async move {
        for _ in 0..below(4) {
            if let Some(outcome) = poll_fn(|cx| leader.poll(cx)).await {
                return (outcome, None);
            }
        }
        (Outcome::Whole, Some(leader))
    });
    block_on(async {
        for reader in joined {
            assert_eq!(reader.await.expect("it reads"), Outcome::Whole);
        }
        let (mut outcome, leader) = leader.await.expect("it reads");
        if let Some(leader) = leader {
            seen("stopped reading");
            outcome = leader.read_all(1).await;
        }
        assert_eq!(outcome, Outcome::Whole);
        runtime.finish().await;
    });
}

async fn join_all(stream: Arc<Stream>) -> Outcome {
    linger(9).await;
    let reading = stream.join().expect("it is whole");
    drop(stream);
    reading.read_all(1).await
}
