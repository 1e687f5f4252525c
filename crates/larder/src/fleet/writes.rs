//! [`Writes`]: what waits to be done in the store; and [`HeldLease`], which goes the same way back to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::buffer::budget::Reservation;
use crate::entry::Entry;
use crate::shared::{EntryKey, LogPosition, Outcome, Token};
use crate::shim::{Mutex, lock};

/// What is to be done in the store.
#[derive(Debug)]
pub(crate) enum Work {
    Put {
        key: Arc<[u8]>,
        entry: Arc<Entry>,
        lease: Option<HeldLease>,
        /// How long after it expired somebody may have a use for it.
        windows: Duration,
        queued: Reservation,
    },
    Remove(EntryKey),
    /// If it still is what was born there.
    Discard(EntryKey, LogPosition),
    Release {
        key: EntryKey,
        token: Token,
        outcome: Outcome,
    },
}

/// What waits to be done.
#[derive(Debug)]
pub(crate) struct Writes {
    sender: UnboundedSender<Work>,
    /// Until the work begins.
    receiver: Mutex<Option<UnboundedReceiver<Work>>>,
}

impl Writes {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }

    pub(crate) fn send(&self, work: Work) {
        let _ = self.sender.send(work);
    }

    /// A lease that this node was given, or may have been.
    pub(crate) fn hold(&self, key: EntryKey, token: Token) -> HeldLease {
        HeldLease {
            sender: self.sender.clone(),
            key,
            token: Some(token),
        }
    }

    pub(crate) fn begin(&self) -> Option<UnboundedReceiver<Work>> {
        lock(&self.receiver).take()
    }
}

/// The right to fetch something for all nodes, given back whatever happens.
#[derive(Debug)]
pub(crate) struct HeldLease {
    sender: UnboundedSender<Work>,
    key: EntryKey,
    /// `None`: it was given back.
    token: Option<Token>,
}

impl HeldLease {
    pub(crate) fn token(&self) -> Option<Token> {
        self.token
    }

    /// The response is not for others: nobody waits for anybody for so long.
    pub(crate) fn alone(mut self, lasts: Duration) {
        self.give_back(Outcome::Alone(lasts));
    }

    /// It was not given.
    pub(crate) fn disclaim(mut self) {
        self.token = None;
    }

    /// To be given back with the value that is stored under this key. `None`: it is of another, and is
    /// given back by itself.
    pub(crate) fn with_value(&mut self, key: &EntryKey) -> Option<Token> {
        if self.key == *key {
            self.token.take()
        } else {
            None
        }
    }

    fn give_back(&mut self, outcome: Outcome) {
        if let Some(token) = self.token.take() {
            let key = self.key;
            let _ = self.sender.send(Work::Release {
                key,
                token,
                outcome,
            });
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.give_back(Outcome::Failed);
    }
}
