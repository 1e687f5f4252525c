//! Waiting for other nodes to know of a purge.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::fleet::{Acknowledged, LANES, Ticket, limited};
use crate::shared::{LogPosition, NodeId};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(20);

/// A purge is not known to have taken effect elsewhere. It did on this node, and the others are told as soon
/// as that can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEverywhere {
    why: Why,
    within: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    NotRecorded,
    Unknown,
    Behind(Vec<NodeId>),
}

impl NotEverywhere {
    /// The purge does not stand in the log yet: it is in effect on this node alone.
    #[must_use]
    pub const fn is_local_only(&self) -> bool {
        matches!(self.why, Why::NotRecorded)
    }

    /// The nodes that have not said that they applied it. None where the log does not have it, or could not
    /// say who is there.
    #[must_use]
    pub fn behind(&self) -> &[NodeId] {
        match &self.why {
            Why::Behind(nodes) => nodes,
            _ => &[],
        }
    }
}

impl fmt::Display for NotEverywhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = self.within;
        match &self.why {
            Why::NotRecorded => write!(
                f,
                "the purge is in effect on this node alone: the log of the shared store did not take it within {within:?}, and gets it as soon as it can be reached"
            ),
            Why::Unknown => write!(
                f,
                "the purge stands in the log, but the shared store did not say within {within:?} which nodes have applied it"
            ),
            Why::Behind(nodes) => write!(
                f,
                "the purge stands in the log, and {} nodes have not said within {within:?} that they applied it",
                nodes.len()
            ),
        }
    }
}

impl Error for NotEverywhere {}

/// The log has the purge, and not after this position.
pub(crate) async fn recorded(
    ticket: &Ticket,
    within: Duration,
) -> Result<LogPosition, NotEverywhere> {
    let not = NotEverywhere {
        why: Why::NotRecorded,
        within,
    };
    if !ticket.fleet.is_started() {
        return Err(not);
    }
    let mut acknowledged = ticket.fleet.outbox.acknowledged();
    let number_of = |upto: &[Acknowledged; LANES]| upto.get(ticket.lane).copied();
    let has_it = |upto: &[Acknowledged; LANES]| {
        number_of(upto).is_some_and(|known| known.upto >= ticket.number)
    };
    let found = timeout_at(Instant::now() + within, acknowledged.wait_for(has_it)).await;
    let known = found.ok().and_then(Result::ok);
    let known = known.and_then(|known| number_of(&known));
    known.map(|known| known.at).ok_or(not)
}

pub(super) async fn everywhere(ticket: &Ticket, within: Duration) -> Result<usize, NotEverywhere> {
    let until = Instant::now() + within;
    let position = recorded(ticket, within).await?;
    let (mut pause, mut why) = (FIRST_PAUSE, Why::Unknown);
    while Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now());
        if let Ok(nodes) = limited(ticket.fleet.log.nodes(), left).await {
            let behind = nodes.iter().filter(|node| node.applied < position);
            let behind: Vec<_> = behind.map(|node| node.id).collect();
            if behind.is_empty() {
                return Ok(nodes.len().max(1));
            }
            why = Why::Behind(behind);
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
    Err(NotEverywhere { why, within })
}
