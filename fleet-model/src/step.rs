//! What happens next.

use crate::fleet::record::Purged;
use crate::stamps::{Manner, Named};
use crate::truth::{KEYS, MAX_PURGES, Truth};
use crate::world::World;

/// The replica is no further behind, in milliseconds: what is lost was appended not long ago.
const MAX_LAG: u64 = 5_000;

impl World {
    /// Whatever is next.
    pub(crate) async fn step(&mut self) -> Result<(), String> {
        let (at, key) = (self.rng.usize(..self.nodes.len()), self.rng.usize(..KEYS));
        let drawn = self.rng.u32(..100 + 2 * self.trouble);
        let before = self.trace.then(|| self.picture());
        match drawn {
            0..20 => self.request(at, key)?,
            20..42 => {
                let flight = self.rng.usize(..4);
                self.fly(at, flight)?;
            }
            42..70 => self.follow(at)?,
            70..80 => self.send(at),
            80..84 => self.put(at),
            84..88 => {
                let nth = self.rng.usize(..4);
                self.arrive(nth);
            }
            88..95 => {
                let by = self.rng.u64(1..250);
                self.pass(by).await;
            }
            95..100 => self.purge_something(at),
            _ => self.go_wrong(at, key),
        }
        if before.is_some_and(|before| before != self.picture()) {
            let (event, now) = (self.truth.event, self.truth.now);
            tell(&format!(
                "{event} {now}: {drawn} at {at} key {key}\n{}",
                self.picture()
            ));
        }
        if self.journal.lag(&self.truth) > MAX_LAG {
            self.replicate();
        }
        Ok(())
    }

    fn purge_something(&mut self, at: usize) {
        if self.nodes[at].follower.has_order() || self.truth.purges.len() + 2 >= MAX_PURGES {
            return;
        }
        let tags = [Truth::tag(0), Truth::tag(1)];
        let key = Truth::own_name(self.rng.usize(..KEYS));
        let what = match self.rng.u8(..12) {
            0..4 => Purged::Named(vec![Named::One(tags[0])]),
            4..6 => Purged::Named(vec![Named::One(tags[1])]),
            6..9 => Purged::Named(vec![Named::One(key)]),
            9 => Purged::Named(Named::all(tags.to_vec()).into_iter().collect()),
            10 => Purged::Named(vec![Named::One(key), Named::One(tags[1])]),
            _ => Purged::Everything,
        };
        let manner = match self.rng.u8(..3) {
            0 => Manner::Soft(1 + self.truth.now),
            _ => Manner::Hard,
        };
        self.purge(at, what, manner);
        self.counts.purges += 1;
    }
}

#[expect(clippy::print_stderr, reason = "asked for")]
fn tell(what: &str) {
    eprintln!("{what}");
}
