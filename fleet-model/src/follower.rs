//! [`Follower`]: how far a node is in following the log.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

use crate::shared::{Extent, LogPosition};
use crate::sight::Moment;
use crate::truth::Known;

#[derive(Debug, Default)]
pub(crate) enum Follower {
    #[default]
    Idle,
    LooksUp(LogPosition),
    Looked(LogPosition, Extent),
    Restarts(LogPosition),
    Restarted(Option<LogPosition>),
    /// It has joined.
    Goes,
    Reads(Reading, LogPosition),
    Applies(Reading, VecDeque<Told>, Half),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) moment: Moment,
    pub(crate) begun: Instant,
    pub(crate) is_all: bool,
}

#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) position: LogPosition,
    pub(crate) record: Bytes,
    pub(crate) known: Known,
}

/// Of applying a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    First,
    Second,
}

impl Follower {
    /// A record is half applied: what needs the order of positions waits.
    pub(crate) fn has_order(&self) -> bool {
        matches!(self, Self::Applies(_, _, Half::Second))
    }

    /// It waits for an answer of the log.
    pub(crate) fn awaits(&self) -> bool {
        !matches!(self, Self::Idle | Self::Goes | Self::Applies(..))
    }
}
