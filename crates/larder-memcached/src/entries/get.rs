//! Reading, and taking a lease.

use bytes::Bytes;
use larder::shared::{EntryKey, Found, Lease, Leased, StoreError, Token, Wish};

use super::lease::Standing;
use crate::client::{Answer, Command, Route};
use crate::seconds::expiry;
use crate::shared::Shared;

/// What is found is found in one exchange. Taking a lease because nothing was found is a second one;
/// it looks once more whether the value has come meanwhile, so that whoever comes just after a fill
/// does not fill again.
pub(crate) async fn get(
    shared: &Shared,
    key: &EntryKey,
    wish: Wish<'_>,
) -> Result<Found, StoreError> {
    let asked = Asked {
        shared,
        key,
        route: Route::Entry(key.primary()),
    };
    match wish {
        Wish::ReadOrLease(lease) => {
            let found = asked.read(None).await?;
            if asked.value(&found).is_some() {
                return Ok(found);
            }
            let again = asked.read(Some((lease, None))).await?;
            if asked.value(&again).is_none() {
                return Ok(again);
            }
            if again.leased == Leased::Won {
                // If that fails it expires, and the value is there nevertheless.
                drop(asked.give_back(&lease.token).await);
            }
            Ok(Found {
                leased: Leased::No,
                ..again
            })
        }
        Wish::Lease(lease) => asked.read(Some((lease, None))).await,
        Wish::TakeOver(lease, from) => asked.read(Some((lease, Some(from)))).await,
        _ => asked.read(None).await,
    }
}

/// A key of which something is wanted.
struct Asked<'a> {
    shared: &'a Shared,
    key: &'a EntryKey,
    route: Route<'a>,
}

impl Asked<'_> {
    /// Reads values; with a lease, tries to get it before, also from the token that is to lose it.
    async fn read(&self, wanted: Option<(&Lease, Option<&Token>)>) -> Result<Found, StoreError> {
        let names = &self.shared.names;
        let mut commands = Vec::with_capacity(4);
        if let Some((lease, _)) = wanted {
            commands.push(self.take(lease).where_absent());
            commands.push(Command::get(names.lease(self.key)));
        }
        commands.push(Command::get(names.primary(self.key)));
        if self.key.variant().is_some() {
            commands.push(Command::get(names.value(self.key)));
        }
        let answers = self
            .shared
            .client
            .exchange_all(self.route, commands)
            .await?;
        let mut answers = answers.into_iter();
        let leased = match (wanted, answers.len()) {
            (Some((lease, from)), 3..) => {
                let (taken, standing) = (answers.next(), answers.next());
                self.outcome(lease, from, taken, standing).await?
            }
            _ => Leased::No,
        };
        // What is empty is there to be filled.
        let filled = |value: &Bytes| !value.is_empty();
        let mut value = || answers.next()?.found()?.value.filter(filled);
        Ok(Found {
            primary: value(),
            variant: value(),
            leased,
        })
    }

    async fn outcome(
        &self,
        lease: &Lease,
        from: Option<&Token>,
        taken: Option<Answer>,
        standing: Option<Answer>,
    ) -> Result<Leased, StoreError> {
        if taken.as_ref().map_or(Ok(false), Answer::is_done)? {
            return Ok(Leased::Won);
        }
        let Some((standing, Answer { cas, .. })) = standing.and_then(Standing::of) else {
            // It has expired, or was given back, between two commands.
            return Ok(Leased::Busy(None));
        };
        match standing {
            Standing::Held(holder, _) if holder == lease.token => Ok(Leased::Won),
            Standing::Held(holder, _) if from == Some(&holder) => self.take_over(lease, cas).await,
            Standing::Held(holder, born) => Ok(Leased::Busy(Some((holder, born)))),
            Standing::Dropped(_) => self.take_over(lease, cas).await,
            // For what may never be given back nobody waits.
            Standing::Alone | Standing::Unknown => Ok(Leased::Alone),
        }
    }

    /// Takes the place of what was read, if nobody was faster.
    async fn take_over(&self, lease: &Lease, cas: u64) -> Result<Leased, StoreError> {
        let take = self.take(lease).where_version(cas);
        let [taken] = self.shared.client.exchange(self.route, [take]).await?;
        Ok(if taken.is_done()? {
            Leased::Won
        } else {
            Leased::Busy(None)
        })
    }

    /// Gives back what was taken in vain.
    async fn give_back(&self, token: &Token) -> Result<(), StoreError> {
        let (key, outcome) = (self.key, larder::shared::Outcome::Failed);
        super::release(self.shared, key, token, outcome).await
    }

    fn take(&self, lease: &Lease) -> Command {
        let held = Standing::Held(lease.token, lease.born);
        let name = self.shared.names.lease(self.key);
        Command::set(name, held.to_bytes(), expiry(lease.lasts))
    }

    /// What is not to be filled.
    fn value<'f>(&self, found: &'f Found) -> Option<&'f Bytes> {
        match self.key.variant() {
            Some(_) => found.variant.as_ref(),
            None => found.primary.as_ref(),
        }
    }
}
