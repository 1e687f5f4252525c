//! What goes wrong, at random.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use larder_testing::{FakeLink, FakeStore, Side, Snapshot};

use super::story::Story;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Between the nodes and the store.
    Links,
    /// What the store holds.
    Values,
    /// What the log holds.
    Log,
}

/// What came of it.
pub(super) enum Hurt {
    Nothing,
    /// Nothing is wrong with this link any more, or something is.
    Link(usize, bool),
    /// The store has room for more, or has none.
    Room(bool),
    /// Acknowledged records may be lost.
    Log,
}

#[derive(Default)]
pub(super) struct Troubles {
    snapshot: Option<Snapshot>,
    values: Vec<Bytes>,
}

const MILLI: Duration = Duration::from_millis(1);

impl Troubles {
    pub(super) fn cause(
        &mut self,
        rng: &mut Rng,
        of: Trouble,
        store: &FakeStore,
        links: &[FakeLink],
        story: &Story,
    ) -> Hurt {
        match of {
            Trouble::Links => link(rng, links, story),
            Trouble::Values => self.values(rng, store, story),
            Trouble::Log => self.log(rng, store, story),
        }
    }

    fn values(&mut self, rng: &mut Rng, store: &FakeStore, story: &Story) -> Hurt {
        let keys = store.keys();
        if keys.is_empty() {
            return Hurt::Nothing;
        }
        let key = keys[rng.usize(..keys.len())];
        let value = store.value(&key).unwrap();
        let kind = rng.u8(..8);
        story.tell(format_args!("values {kind}"));
        let bytes = match kind {
            0 => {
                store.forget_entries();
                return Hurt::Nothing;
            }
            1 => {
                store.evict(rng.usize(1..4), rng.u64(..));
                return Hurt::Nothing;
            }
            2 => {
                store.fill_up();
                return Hurt::Room(false);
            }
            3 => {
                store.make_room();
                return Hurt::Room(true);
            }
            4 => value.slice(..rng.usize(..=value.len())),
            5 if !value.is_empty() => {
                let mut bytes = value.to_vec();
                let at = rng.usize(..bytes.len());
                bytes[at] ^= 1 << rng.u8(..8);
                Bytes::from(bytes)
            }
            // Of another key, or of this one long ago.
            _ if !self.values.is_empty() => self.values[rng.usize(..self.values.len())].clone(),
            _ => Bytes::new(),
        };
        self.values.push(value);
        store.corrupt(&key, bytes);
        Hurt::Nothing
    }

    fn log(&mut self, rng: &mut Rng, store: &FakeStore, story: &Story) -> Hurt {
        let records = store.records();
        let kind = rng.u8(..8);
        story.tell(format_args!("log {kind}"));
        match kind {
            0 => store.flush(),
            1 => store.forget_log(),
            2 => {
                store.trim_log(rng.usize(1..4));
                return Hurt::Nothing;
            }
            3 | 4 if !records.is_empty() => {
                store.rewind_log(records[rng.usize(..records.len())].0);
            }
            5 | 6 => {
                self.snapshot = Some(store.snapshot());
                return Hurt::Nothing;
            }
            _ => match &self.snapshot {
                None => return Hurt::Nothing,
                Some(snapshot) => store.restore(snapshot),
            },
        }
        Hurt::Log
    }
}

fn link(rng: &mut Rng, links: &[FakeLink], story: &Story) -> Hurt {
    let at = rng.usize(..links.len());
    let link = &links[at];
    if rng.bool() {
        mend(link);
        story.tell(format_args!("the link of node {at} is mended"));
        return Hurt::Link(at, true);
    }
    let by = MILLI * *rng.choice(&[3, 40, 90, 400, 2000]).unwrap();
    let of = *rng.choice(&[Side::Entries, Side::Log]).unwrap();
    let (side, kind) = (link.side(of), rng.u8(..10));
    story.tell(format_args!("link {kind} of node {at}, {of:?}, {by:?}"));
    match kind {
        0 | 1 => link.cut(),
        2 => link.freeze(),
        3 => link.delay(by),
        4 => link.delay_replies(by),
        5 => link.lose_replies(true),
        6 => side.cut(),
        7 => side.freeze(),
        8 => side.delay_replies(by),
        _ => side.lose_replies(true),
    }
    Hurt::Link(at, false)
}

pub(super) fn mend(link: &FakeLink) {
    link.heal();
    link.thaw();
    link.delay(Duration::ZERO);
    link.delay_replies(Duration::ZERO);
    link.lose_replies(false);
}
