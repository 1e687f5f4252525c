//! [`StoreClock`]: the store's clock, by which times are told to other nodes.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::shim::{Mutex, lock};
use crate::stamps::Manner;

#[derive(Debug, Default)]
pub(crate) struct StoreClock {
    /// What it was when it was last looked at.
    looked_at: Mutex<Option<(SystemTime, Instant)>>,
}

impl StoreClock {
    /// It told this time at a moment.
    pub(crate) fn set(&self, time: SystemTime, at: Instant) {
        *lock(&self.looked_at) = Some((time, at));
    }

    /// How many milliseconds it is ahead of this node's, which tells this time now. What happens to this
    /// node's clock meanwhile is no matter.
    pub(crate) fn offset(&self, own: SystemTime) -> i64 {
        let Some((looked, at)) = *lock(&self.looked_at) else {
            return 0;
        };
        let of_store = looked.checked_add(at.elapsed()).unwrap_or(looked);
        match of_store.duration_since(own) {
            Ok(ahead) => i64::try_from(ahead.as_millis()).unwrap_or_default(),
            Err(behind) => -i64::try_from(behind.duration().as_millis()).unwrap_or_default(),
        }
    }

    /// A manner whose time is this node's, which tells `own` now, with the store's time.
    pub(crate) fn to_store(&self, manner: Manner, own: SystemTime) -> Manner {
        shifted(manner, self.offset(own))
    }

    /// The other way round.
    pub(crate) fn of_store(&self, manner: Manner, own: SystemTime) -> Manner {
        shifted(manner, self.offset(own).saturating_neg())
    }
}

fn shifted(manner: Manner, by: i64) -> Manner {
    match manner {
        Manner::Hard => Manner::Hard,
        Manner::Soft(since) => Manner::Soft(since.saturating_add_signed(by)),
    }
}
