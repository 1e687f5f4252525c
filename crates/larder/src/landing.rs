//! What a leader lands with: what its followers may have of it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use http::StatusCode;
use larder_policy::StoredHead;
use tracing::Span;

use crate::buffer::Buffer;
use crate::buffer::engine::Engine;
use crate::buffer::reader::Reader;
use crate::entry::{Birth, Entry};
use crate::flights;
use crate::marks::Scope;
use crate::names::Names;
use crate::shim::lock;
use crate::sight::Sight;
use crate::stamps::{Life, Seen, Stamps};

pub(crate) type Flights = flights::Flights<FlightKey, Takeoff, Landing>;
pub(crate) type Flight = flights::Flight<Takeoff, Landing>;
pub(crate) type Follower = flights::Follower<Takeoff, Landing>;
pub(crate) type Leader = flights::Leader<FlightKey, Takeoff, Landing>;

/// A primary key, and the selecting values where it is known which fields select.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    pub(crate) primary: Arc<[u8]>,
    pub(crate) variant: Box<[u8]>,
}

/// What is known of a flight from its start.
#[derive(Debug)]
pub(crate) struct Takeoff {
    /// Where it started.
    position: u64,
    sight: Sight,
    /// What its response may be named by. Unknown as long as it only asks what another node has stored: most
    /// flights end there and need no names, and who joins them has what comes of it looked at again.
    names: Mutex<Option<Names>>,
    /// Where its response was born with all that it is named by, once its head is there.
    named: OnceLock<Birth>,
    /// The inner service has been called.
    called: AtomicBool,
    /// The span of the inner service's work, once there is one.
    span: OnceLock<Span>,
}

impl Takeoff {
    pub(crate) fn new(position: u64, sight: Sight) -> Self {
        Self {
            position,
            sight,
            names: Mutex::default(),
            named: OnceLock::new(),
            called: AtomicBool::new(false),
            span: OnceLock::new(),
        }
    }

    /// Whether it may be waited for: by what is known of the names of its response, and once its head is there by
    /// all of them. Whoever came after a purge does not wait for what began before it; nor, where purges of
    /// others may have been missed since, for what began long ago.
    pub(crate) fn lets_join(&self, stamps: &Stamps, trusts: impl Fn(Sight) -> bool) -> bool {
        let is_current =
            |names: &Names| stamps.life(names, &Seen::new(self.position)) == Life::Live;
        let may_wait_for = |birth: &Birth| birth.is_current(stamps) && trusts(birth.sight);
        trusts(self.sight)
            && lock(&self.names).as_ref().is_none_or(is_current)
            && self.named.get().is_none_or(may_wait_for)
    }

    /// It goes by a stored response, waits for another node, or is about to ask the inner service. Whoever comes
    /// after a purge of that does not wait with it. Who came after a purge and joined before this is sure that
    /// what is born after this is born after the purge: hence the lock.
    pub(crate) fn know(&self, names: Names) {
        *lock(&self.names) = Some(names);
    }

    pub(crate) fn set_called(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// The head of the response is there.
    pub(crate) fn name(&self, birth: &Birth) {
        let _ = self.named.set(birth.clone());
    }

    pub(crate) fn works_in(&self, span: &Span) {
        let _ = self.span.set(span.clone());
    }

    /// Tells the span of the inner service's work that the present one waits for it.
    pub(crate) fn link(&self) {
        if let Some(span) = self.span.get() {
            span.follows_from(Span::current());
        }
    }
}

/// What a flight ends with.
#[derive(Debug, Clone)]
pub(crate) enum Landing {
    /// The response is not for others.
    Alone(Scope),
    /// The inner service failed: a stored response may stand in.
    Failed(Option<StatusCode>),
    Stored(Arc<Entry>),
    Streaming(Arc<Stream>),
    /// The inner service did not answer in the time it has.
    TimedOut,
}

/// A response that may be stored, while its body arrives.
pub(crate) struct Stream {
    pub(crate) head: StoredHead,
    pub(crate) birth: Birth,
    pub(crate) buffer: Buffer,
    pub(crate) engine: Weak<Engine>,
    /// What came of it, once it is stored.
    pub(crate) entry: OnceLock<Arc<Entry>>,
}

impl Stream {
    /// One more reads the body, so it moves at its own pace. `None`: its start is gone.
    pub(crate) fn join(&self) -> Option<Reader> {
        let reader = self.buffer.read()?;
        if let Some(engine) = self.engine.upgrade() {
            engine.detach();
        }
        Some(reader)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
