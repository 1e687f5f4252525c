//! Asking the store.

use std::time::Duration;

use tokio::time::Instant;

use super::Fleet;
use super::counts::Did;
use super::limited::limited;
use super::settings::SharedSettings;
use crate::shared::{EntryKey, Found, Lease, Pending, StoreErrorKind, Token, Wish};

impl Fleet {
    /// How long a request waits for the store to answer, however often it has to ask.
    pub(crate) fn patience(&self, leads: bool) -> Instant {
        let SharedSettings {
            read_within,
            lease_within,
            ..
        } = self.settings;
        Instant::now() + if leads { lease_within } else { read_within }
    }

    /// `asked` is called when the store is. Nobody waits for longer than until `patience` ends.
    pub(crate) async fn look<'a>(
        &'a self,
        key: &'a EntryKey,
        wish: Wish<'a>,
        patience: Instant,
        asked: impl FnOnce(),
    ) -> Option<Found> {
        if let (Some(ahead), Wish::Read | Wish::ReadOrLease(_)) = (&self.ahead, wish)
            && let Some(found) = ahead.take(key)
        {
            return Some(found);
        }
        let left = || Some(patience.duration_since(Instant::now())).filter(|left| !left.is_zero());
        let within = left()?.min(match wish {
            Wish::Read => self.settings.read_within,
            _ => self.settings.lease_within,
        });
        let question = || {
            asked();
            self.entries.get(key, wish)
        };
        match self.ask(question, within).await {
            Ok(found) => Some(found),
            // What is full can still be read.
            Err(Some(StoreErrorKind::Refused)) if wish != Wish::Read => {
                let read = || self.entries.get(key, Wish::Read);
                let within = left()?.min(self.settings.read_within);
                self.ask(read, within).await.ok()
            }
            Err(_) => None,
        }
    }

    /// Tells the others of what was written, if they want to hear of it.
    pub(crate) async fn tell(&self, key: &EntryKey) {
        if let Some(ahead) = &self.ahead {
            ahead.tells(*key);
            let told = || self.entries.tell(key);
            let _ = self.ask(told, self.settings.write_within).await;
        }
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease {
            token: Token::from_bytes(fastrand::u128(..).to_le_bytes()),
            born: self.applied(),
            lasts: self.settings.lease_for,
        }
    }

    /// Asks the store for something, unless it has failed too often lately.
    pub(crate) async fn ask<'a, T>(
        &'a self,
        question: impl FnOnce() -> Pending<'a, T>,
        within: Duration,
    ) -> Result<T, Option<StoreErrorKind>> {
        if !self.breaker.lets_through() {
            self.counts.add(Did::Skipped);
            return Err(None);
        }
        let error = match limited(question(), within).await {
            Ok(answer) => {
                self.breaker.succeeded();
                return Ok(answer);
            }
            Err(error) => error,
        };
        self.counts.add(Did::Failed);
        tracing::debug!(target: "larder", %error, "the shared store failed");
        match error.kind() {
            // It answered, and nobody waited.
            StoreErrorKind::Protocol | StoreErrorKind::Refused => self.breaker.succeeded(),
            StoreErrorKind::TimedOut | StoreErrorKind::Unreachable => {
                if self.breaker.failed() {
                    tracing::warn!(
                        target: "larder", %error,
                        "the shared store fails again and again: it is not asked for a while"
                    );
                }
            }
        }
        Err(Some(error.kind()))
    }
}
