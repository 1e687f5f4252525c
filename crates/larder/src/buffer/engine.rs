//! Who runs a pump: the leader's client while nobody else needs the body, else a task of its own.
//!
//! Most responses are read by one client only, who may as well move the body himself. As soon as
//! others join, or he leaves, his pace is no longer the one that counts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Frame;

use crate::body_error::BodyError;
use crate::buffer::reader::Reader;
use crate::shim::{AtomicBool, Handle, Mutex, Ordering, TryLockError, fence, lock};

pub(crate) struct Engine {
    slot: Mutex<Slot>,
    /// The pump is to run by itself. Set before the slot is looked into, read after it was.
    detached: AtomicBool,
    runtime: Handle,
}

struct Slot {
    pump: Option<Running>,
    /// The client who last ran it, to be told when it runs by itself.
    client: Option<Waker>,
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Engine {
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        let slot = Slot {
            pump: None,
            client: None,
        };
        Arc::new(Self {
            slot: Mutex::new(slot),
            detached: AtomicBool::new(false),
            runtime,
        })
    }

    pub(crate) fn start(&self, pump: impl Future<Output = ()> + Send + 'static) {
        let mut slot = lock(&self.slot);
        slot.pump = Some(Box::pin(pump));
        drop(slot);
        // Somebody has joined already.
        if self.is_detached() {
            self.take_off();
        }
    }

    /// Lets the pump run by itself from now on.
    pub(crate) fn detach(&self) {
        self.detached.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.take_off();
    }

    /// Asked after the slot was given free. A lock that was not got orders nothing by itself: with the
    /// fences, who did not get it was seen by whoever had it.
    fn is_detached(&self) -> bool {
        fence(Ordering::SeqCst);
        self.detached.load(Ordering::SeqCst)
    }

    fn take_off(&self) {
        let mut slot = match self.slot.try_lock() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
            // Its client runs it at this moment, and looks afterwards.
            Err(TryLockError::WouldBlock) => return,
        };
        let (pump, client) = (slot.pump.take(), slot.client.take());
        drop(slot);
        if let Some(pump) = pump {
            self.runtime.spawn(pump);
        }
        if let Some(client) = client {
            client.wake();
        }
    }

    /// Runs the pump for its client. `false`: it runs by itself, or has ended.
    fn run(&self, cx: &mut Context<'_>) -> bool {
        let mut slot = lock(&self.slot);
        // Taken out while it runs: one that panics is not run again.
        let Some(mut pump) = slot.pump.take() else {
            return false;
        };
        let runs = pump.as_mut().poll(cx).is_pending();
        if runs {
            slot.pump = Some(pump);
            match &mut slot.client {
                Some(client) => client.clone_from(cx.waker()),
                None => slot.client = Some(cx.waker().clone()),
            }
        }
        drop(slot);
        if self.is_detached() {
            self.take_off();
            return false;
        }
        runs
    }
}

/// The body of the leader's client.
pub(crate) struct Led {
    reader: Option<Reader>,
    engine: Arc<Engine>,
}

impl Led {
    pub(crate) fn new(reader: Reader, engine: Arc<Engine>) -> Self {
        Self {
            reader: Some(reader),
            engine,
        }
    }

    pub(crate) fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// The reader alone: from now on the pump runs by itself.
    pub(crate) fn into_reader(mut self) -> Option<Reader> {
        self.reader.take()
    }

    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(reader) = &mut self.reader else {
            return Poll::Ready(None);
        };
        if let Some(next) = reader.take_next() {
            return Poll::Ready(next);
        }
        if !self.engine.run(cx) {
            return reader.poll_next(cx);
        }
        match reader.take_next() {
            Some(next) => Poll::Ready(next),
            None => Poll::Pending,
        }
    }
}

impl Drop for Led {
    fn drop(&mut self) {
        // Whether somebody still reads is what the pump will ask.
        self.reader = None;
        self.engine.detach();
    }
}
