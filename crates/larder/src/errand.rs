//! [`Errand`]: goes with a request that the application makes for the cache's own sake, and brings
//! back what came of it. A response's head cannot tell that: whether its body is kept shows at its end.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Extensions;
use larder_policy::{Serving, SkipReason};

use crate::background::Place;
use crate::entry::Entry;
use crate::shim::{Mutex, lock};
use crate::turn::Turn;

/// Request extension; taken out of a request that is forwarded for what may be stored. One that the
/// cache takes no part in goes on with it, to a cache further in.
#[derive(Clone)]
pub(crate) struct Errand(Arc<State>);

struct State {
    due: Due,
    came: Mutex<Option<Came>>,
    held: Mutex<Option<Held>>,
}

/// What is stored is validated if it
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// is fresh for no longer than this,
    FreshFor(Duration),
    /// or was asked for before then.
    Since(SystemTime),
}

/// What came of an errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// Somebody else does it, or nobody may just now.
    Busy,
    /// It is stored, and fresh until then.
    Kept {
        until: SystemTime,
        anew: bool,
    },
    NotKept(SkipReason),
    /// Somebody else did it meanwhile.
    Shared,
}

/// What is not given back before all of the response is there.
pub(crate) type Held = (Turn, Place);

impl Errand {
    pub(crate) fn new(due: Due) -> Self {
        Self(Arc::new(State {
            due,
            came: Mutex::new(None),
            held: Mutex::new(None),
        }))
    }

    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Whether what is stored is to be validated although it is fresh.
    pub(crate) fn is_due(&self, entry: &Entry, serving: Serving, now: SystemTime) -> bool {
        let left = serving.lifetime().saturating_sub(serving.age());
        match self.0.due {
            Due::FreshFor(ahead) => left <= ahead,
            // Nobody knows how old it is that was begun by a clock which was ahead.
            Due::Since(time) => serving.is_stale() || entry.begun() < time || entry.begun() > now,
        }
    }

    /// The last word counts.
    pub(crate) fn note(&self, came: Came) {
        *lock(&self.0.came) = Some(came);
    }

    pub(crate) fn kept(&self, serving: Serving, now: SystemTime, anew: bool) {
        let left = serving.lifetime().saturating_sub(serving.age());
        let until = now.checked_add(left).unwrap_or(now);
        self.note(Came::Kept { until, anew });
    }

    pub(crate) fn came(&self) -> Option<Came> {
        *lock(&self.0.came)
    }

    /// Keeps this for as long as anybody waits for what comes of it.
    pub(crate) fn hold(&self, held: Held) {
        *lock(&self.0.held) = Some(held);
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand")
            .field("came", &self.came())
            .finish_non_exhaustive()
    }
}
