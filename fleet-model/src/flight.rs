//! [`Flight`]: a fetch, from the shared store and then from the origin, and those who wait for it.

use crate::entry::{Birth, Entry, Frame};
use crate::mistake::Mistake;
use crate::names::Names;
use crate::stamps::{Hold, Life, Seen, Stamps};
use crate::truth::{Known, Truth};

#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) key: usize,
    takeoff: (u64, Names),
    pub(crate) named: Option<(u64, Names)>,
    _hold: Hold,
    /// What the node had applied when each of them arrived.
    pub(crate) waiters: Vec<Known>,
    pub(crate) stage: Stage,
}

#[derive(Debug)]
pub(crate) enum Stage {
    Boarded,
    AsksStore,
    FromStore(Option<Frame>),
    Calls,
    Called(Birth),
    Read(Entry),
    /// The head is there, and some of the body: who comes now joins at once.
    Streams(Entry),
    Done,
}

impl Flight {
    pub(crate) fn new(stamps: &Stamps, key: usize) -> Self {
        let names = Names::of_request(&[Truth::own_name(key)]);
        Self {
            key,
            _hold: stamps.hold(),
            takeoff: (stamps.position(), names),
            named: None,
            waiters: Vec::new(),
            stage: Stage::Boarded,
        }
    }

    /// Whoever came after a purge does not wait for what began before it. What only asks the store has not
    /// begun: nobody knows yet what its response would be named by.
    pub(crate) fn may_join(&self, stamps: &Stamps, mistake: Mistake) -> bool {
        let is_current = |(position, names): &(u64, Names)| {
            stamps.life(names, &Seen::new(*position)) == Life::Live
        };
        let takes_all = matches!(
            mistake,
            Mistake::WaitersTakeAll | Mistake::WallClocks | Mistake::BornAtTheEnd
        );
        let asks = matches!(
            self.stage,
            Stage::Boarded | Stage::AsksStore | Stage::FromStore(_)
        );
        let may_wait =
            || (asks || is_current(&self.takeoff)) && self.named.as_ref().is_none_or(is_current);
        takes_all || may_wait()
    }

    pub(crate) fn wait(&mut self, known: Known) {
        self.waiters.push(known);
    }
}
