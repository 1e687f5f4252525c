//! [`HeldLease`]: the right to fetch something for all nodes, given back whatever happens.

use std::sync::Arc;
use std::time::Duration;

use super::Fleet;
use super::writes::Work;
use crate::shared::{EntryKey, Outcome, Token};

#[derive(Debug)]
pub(crate) struct HeldLease {
    fleet: Arc<Fleet>,
    key: EntryKey,
    /// `None`: it was given back.
    token: Option<Token>,
}

impl HeldLease {
    pub(super) fn new(fleet: Arc<Fleet>, key: EntryKey, token: Token) -> Self {
        Self {
            fleet,
            key,
            token: Some(token),
        }
    }

    pub(crate) fn token(&self) -> Option<Token> {
        self.token
    }

    /// The response is not for others: nobody waits for anybody for so long.
    pub(crate) fn alone(mut self, lasts: Duration) {
        self.give_back(Outcome::Alone(lasts));
    }

    /// It was not given.
    pub(super) fn disclaim(mut self) {
        self.token = None;
    }

    /// To be given back with the value that is stored under this key. `None`: it is of another, and is
    /// given back by itself.
    pub(super) fn with_value(&mut self, key: &EntryKey) -> Option<Token> {
        if self.key == *key {
            self.token.take()
        } else {
            None
        }
    }

    fn give_back(&mut self, outcome: Outcome) {
        if let Some(token) = self.token.take() {
            let key = self.key;
            self.fleet.work(Work::Release {
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
