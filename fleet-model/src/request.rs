//! Requests, and what they get from the memory.

use crate::flight::{Flight, Stage};
use crate::stamps::Life;
use crate::world::World;

impl World {
    pub(crate) fn request(&mut self, at: usize, key: usize) -> Result<(), String> {
        self.truth.next();
        let node = &self.nodes[at];
        if let Some(entry) = node.memory.get(&key).cloned() {
            let is_fresh = node.is_fresh(&entry, &self.truth);
            if is_fresh || node.life(&entry, &self.truth) != Life::Dead {
                let count = match is_fresh {
                    true => &mut self.counts.hits,
                    false => &mut self.counts.stale,
                };
                *count += 1;
                self.truth
                    .check(&entry, node.known, is_fresh, self.limits.bound)?;
            }
            if is_fresh {
                return Ok(());
            }
        }
        self.board(at, key)
    }

    fn board(&mut self, at: usize, key: usize) -> Result<(), String> {
        let node = &mut self.nodes[at];
        let known = node.known;
        let flights = node.flights.iter();
        let may_join = |flight: &Flight| flight.may_join(&node.stamps, node.mistake);
        let joins = |flight: &&Flight| flight.key == key && may_join(flight);
        let found = flights.clone().position(|flight| joins(&flight));
        let Some(found) = found else {
            let flight = Flight::new(&node.stamps, key);
            node.flights.push(flight);
            return Ok(());
        };
        let Some(flight) = node.flights.get_mut(found) else {
            return Ok(());
        };
        let Stage::Streams(entry) = &flight.stage else {
            flight.wait(known);
            return Ok(());
        };
        let entry = entry.clone();
        self.take_stream(at, &entry, known, false)
    }
}
