//! [`Receipt`]: that a purge has happened.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use super::elsewhere::{NotEverywhere, everywhere, recorded};
use super::what::Purge;
use crate::fleet::Ticket;

/// That a purge has happened: it took effect before this was handed out.
///
/// Where the cache [shares a store](crate::CacheBuilder::shared) with others, it took effect on this node;
/// the others are told at once. Waiting for the receipt waits until the purge stands in the log that all
/// of them read, and [`everywhere`](Self::everywhere) until they have read it:
///
/// ```
/// # use larder::{Cache, NotEverywhere, Purge};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), NotEverywhere> {
/// # let cache = Cache::builder().build();
/// // Gone here.
/// let receipt = cache.purge(Purge::tag("product:42"));
/// // No node that is to be trusted serves it after the bound from now on, whatever happens.
/// let receipt = receipt.await?;
/// // Gone on all nodes.
/// let nodes = receipt.everywhere(Duration::from_secs(1)).await?;
/// # assert_eq!(nodes, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Receipt {
    purge: Purge,
    position: u64,
    time: SystemTime,
    ticket: Option<Ticket>,
}

impl Receipt {
    pub(super) const fn new(
        purge: Purge,
        position: u64,
        time: SystemTime,
        ticket: Option<Ticket>,
    ) -> Self {
        Self {
            purge,
            position,
            time,
            ticket,
        }
    }

    pub(crate) fn into_ticket(self) -> Option<Ticket> {
        self.ticket
    }

    /// What was purged, and how.
    pub const fn purge(&self) -> &Purge {
        &self.purge
    }

    /// Its stamp: the position of the purge in the order of all purges that this cache has applied, be
    /// they its own or those of others. Whatever was begun before it and depends on what it names is not
    /// served any more, or is stale if it was [soft](Purge::is_soft).
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// When it took effect here, by the [clock](crate::CacheBuilder::clock) of the cache.
    #[must_use]
    pub const fn effective_at(&self) -> SystemTime {
        self.time
    }

    /// Waits until every node that is there has applied the purge, and returns how many they are, this one
    /// among them; 1 where nothing is shared. Nodes tell now and then that they are there, and are gone
    /// when they have not for twice the [bound](crate::SharedSettings::bound). Cost: asks the store every
    /// few milliseconds.
    ///
    /// # Errors
    ///
    /// [`NotEverywhere`] if that takes longer than `within`. The purge stands, and goes on being told.
    pub async fn everywhere(&self, within: Duration) -> Result<usize, NotEverywhere> {
        match &self.ticket {
            None => Ok(1),
            Some(ticket) => everywhere(ticket, within).await,
        }
    }
}

/// Waits until the purge stands in the log that all nodes read, at most as long as a
/// [write](crate::SharedSettings::write_within) may take. Where nothing is shared it does not wait.
///
/// An error says that this was not so in time: the purge is in effect on this node alone, and is appended
/// as soon as the log can be reached.
impl IntoFuture for Receipt {
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
    type Output = Result<Self, NotEverywhere>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if let Some(ticket) = &self.ticket {
                let within = ticket.fleet.settings.write_within;
                recorded(ticket, within).await?;
            }
            Ok(self)
        })
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        let of = |receipt: &Self| (receipt.position, receipt.time);
        of(self) == of(other) && self.purge == other.purge
    }
}

impl Eq for Receipt {}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("purge", &self.purge)
            .field("position", &self.position)
            .field("effective_at", &self.time)
            .finish_non_exhaustive()
    }
}
