//! [`Course`]: how a node goes on with the log, having come to it or back to it.

use crate::shared::{Extent, LogPosition};

/// What to do before records are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// For the first time: the records are read from the oldest on, and what was born before that is
    /// dead, as is what was stored here before: of purges meanwhile nothing may be left in the log.
    Begin(LogPosition),
    /// Nothing is missing: on from where it was.
    GoOn,
    /// Records are missing that it has not read. What was born before the newest is dead.
    Skip(LogPosition),
    /// The log was emptied, or went back: who knows what it has lost. Everything is to be dead for
    /// everybody that was born before a record which is appended above this position.
    Restart(LogPosition),
}

impl Course {
    /// For a node that has applied everything up to a position, as far as it knew.
    pub(crate) fn of(applied: LogPosition, extent: &Extent) -> Self {
        let Some(oldest) = extent.oldest else {
            return Self::Restart(applied.max(extent.newest));
        };
        if applied == LogPosition::START {
            Self::Begin(oldest)
        } else if extent.newest < applied {
            Self::Restart(applied)
        } else if oldest > applied {
            Self::Skip(extent.newest)
        } else if !extent.is_anchored {
            // It has grown again since, but what it knew last it knows no more.
            Self::Restart(extent.newest)
        } else {
            Self::GoOn
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn at(millis: u64) -> LogPosition {
        LogPosition::new(millis, 0)
    }

    fn course(applied: u64, oldest: Option<u64>, newest: u64, is_anchored: bool) -> Course {
        let extent = Extent {
            oldest: oldest.map(at),
            newest: at(newest),
            is_anchored,
            now: SystemTime::UNIX_EPOCH,
        };
        Course::of(at(applied), &extent)
    }

    #[test]
    fn a_node_goes_on_only_where_nothing_can_be_missing() {
        assert_eq!(course(0, Some(5), 9, false), Course::Begin(at(5)));
        assert_eq!(course(7, Some(5), 9, true), Course::GoOn);
        assert_eq!(course(9, Some(5), 9, true), Course::GoOn);
        assert_eq!(course(9, Some(9), 9, true), Course::GoOn);
    }

    #[test]
    fn what_was_trimmed_before_it_was_read_may_have_named_anything() {
        assert_eq!(course(3, Some(5), 9, false), Course::Skip(at(9)));
    }

    #[test]
    fn a_log_that_lost_its_memory_is_restarted_above_all_that_is_known() {
        assert_eq!(course(0, None, 0, false), Course::Restart(at(0)));
        assert_eq!(course(7, None, 0, false), Course::Restart(at(7)));
        // It remembers how far it was, though no record.
        assert_eq!(course(7, None, 9, false), Course::Restart(at(9)));
        assert_eq!(course(7, Some(1), 6, false), Course::Restart(at(7)));
        // It went back and has grown again.
        assert_eq!(course(7, Some(1), 9, false), Course::Restart(at(9)));
    }
}
