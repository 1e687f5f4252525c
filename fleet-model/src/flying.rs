//! Fetching, with each question and each answer a step of its own.

use std::rc::Rc;

use crate::entry::{Birth, Entry, Frame};
use crate::flight::{Flight, Stage};
use crate::mistake::Mistake;
use crate::names::Names;
use crate::node::Node;
use crate::shared::LogPosition;
use crate::sight::{Moment, Sight};
use crate::stamps::Life;
use crate::truth::Known;
use crate::world::World;

impl World {
    /// One step of a fetch.
    pub(crate) fn fly(&mut self, at: usize, flight: usize) -> Result<(), String> {
        let node = &mut self.nodes[at];
        if flight >= node.flights.len() {
            return Ok(());
        }
        let mut flight = node.flights.swap_remove(flight);
        let stage = std::mem::replace(&mut flight.stage, Stage::Done);
        flight.stage = match stage {
            Stage::Boarded if node.is_ready && node.store_up => Stage::AsksStore,
            Stage::Boarded => Stage::Calls,
            Stage::AsksStore if node.store_up => {
                Stage::FromStore(self.shelf.get(&flight.key).cloned())
            }
            Stage::AsksStore => Stage::Calls,
            Stage::FromStore(found) if node.follower.has_order() => Stage::FromStore(found),
            Stage::FromStore(found) => self.of_store(at, &mut flight, found)?,
            Stage::Calls => Stage::Called(node.birth(&self.truth)),
            Stage::Called(birth) => {
                let names = Names::of_request(&self.truth.names(flight.key));
                let read_at = self.truth.next();
                Stage::Read(Entry::new(flight.key, read_at, names, birth))
            }
            Stage::Read(entry) => self.lands(at, &mut flight, entry)?,
            Stage::Streams(entry) => self.ends(at, entry),
            Stage::Done => Stage::Done,
        };
        if !matches!(flight.stage, Stage::Done) {
            self.nodes[at].flights.push(flight);
        }
        Ok(())
    }

    fn of_store(
        &mut self,
        at: usize,
        flight: &mut Flight,
        found: Option<Frame>,
    ) -> Result<Stage, String> {
        let node = &mut self.nodes[at];
        let Some(entry) = found.and_then(|frame| node.decode(&frame)) else {
            return Ok(Stage::Calls);
        };
        let entry = Rc::new(entry);
        node.store(&entry, &self.truth);
        let Some(entry) = node.memory.get(&flight.key).cloned() else {
            return Ok(Stage::Calls);
        };
        if !node.is_fresh(&entry, &self.truth) {
            return Ok(Stage::Calls);
        }
        self.counts.from_store += 1;
        self.truth
            .check(&entry, node.known, true, self.limits.bound)?;
        self.serve_waiters(at, flight, &entry, true)?;
        Ok(Stage::Done)
    }

    /// The head is there.
    fn lands(&mut self, at: usize, flight: &mut Flight, mut entry: Entry) -> Result<Stage, String> {
        let node = &self.nodes[at];
        if node.mistake == Mistake::BornAtTheEnd {
            let birth = node.birth(&self.truth);
            entry = Entry::new(entry.key, entry.read_at, entry.names, birth);
        }
        flight.named = Some((entry.birth.local, entry.names.clone()));
        self.serve_waiters(at, flight, &entry, false)?;
        Ok(Stage::Streams(entry))
    }

    /// Whoever may not have it looks again.
    fn serve_waiters(
        &mut self,
        at: usize,
        flight: &mut Flight,
        entry: &Entry,
        is_stored: bool,
    ) -> Result<(), String> {
        let waiters = std::mem::take(&mut flight.waiters);
        for known in waiters {
            self.take_stream(at, entry, known, is_stored)?;
        }
        Ok(())
    }

    pub(crate) fn take_stream(
        &mut self,
        at: usize,
        entry: &Entry,
        known: Known,
        is_stored: bool,
    ) -> Result<(), String> {
        let node = &self.nodes[at];
        let takes_all = matches!(
            node.mistake,
            Mistake::WaitersTakeAll | Mistake::WallClocks | Mistake::BornAtTheEnd
        );
        let lapsed = node.trust.lapsed(entry.birth.sight.moment).is_some();
        let trusted = !lapsed || (!is_stored && node.mistake == Mistake::StreamsTrusted);
        if takes_all || (trusted && node.life(entry, &self.truth) == Life::Live) {
            self.counts.followed += 1;
            return self.truth.check(entry, known, true, self.limits.bound);
        }
        self.counts.sent_away += 1;
        Ok(())
    }

    /// The body is there: it is stored, and others are to have it.
    fn ends(&mut self, at: usize, mut entry: Entry) -> Stage {
        let node = &mut self.nodes[at];
        if node.mistake == Mistake::BornAtTheEnd {
            let birth = node.birth(&self.truth);
            entry = Entry::new(entry.key, entry.read_at, entry.names, birth);
        }
        let entry = Rc::new(entry);
        if !node.store(&entry, &self.truth) {
            self.counts.not_stored += 1;
            return Stage::Done;
        }
        self.counts.stored += 1;
        if entry.birth.sight.position != LogPosition::START {
            node.puts.push_back(Rc::clone(&entry));
        }
        Stage::Done
    }

    /// One step of writing to the store: what waits goes on its way, if it is alive.
    pub(crate) fn put(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let Some(entry) = node.puts.pop_front() else {
            return;
        };
        if node.is_live(&entry, &self.truth) {
            self.wire.push(entry.frame());
        }
    }

    /// It arrives. What was born later stays.
    pub(crate) fn arrive(&mut self, nth: usize) {
        if nth >= self.wire.len() {
            return;
        }
        let frame = self.wire.swap_remove(nth);
        let standing = self.shelf.get(&frame.key);
        if standing.is_none_or(|standing| standing.born <= frame.born) {
            self.shelf.insert(frame.key, frame);
        }
    }
}

impl Node {
    fn decode(&self, frame: &Frame) -> Option<Entry> {
        let local = match self.mistake {
            Mistake::WallClocks => 0,
            _ => self.local(frame.born)?,
        };
        let birth = Birth {
            local,
            sight: Sight {
                position: frame.born,
                moment: Moment::default(),
            },
            wall: frame.wall,
        };
        let entry = Entry::new(frame.key, frame.read_at, frame.names.clone(), birth);
        if let Some(since) = frame.stale_since {
            entry.seen.expire(since);
        }
        Some(entry)
    }
}
