//! [`Stamp`]: the last purges of a name.

use std::time::SystemTime;

/// How a purge treats what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Dead: not used for anything.
    Hard,
    /// Stale from now on, in milliseconds since the epoch.
    Soft(u64),
}

impl Manner {
    /// Stale from a time on.
    pub(crate) fn soft(since: SystemTime) -> Self {
        let since = since
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self::Soft(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What a purge names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    One(u64),
    /// What has all of them: in order, and at least one.
    All(Box<[u64]>),
}

impl Named {
    /// What has all of these names. `None`: no names.
    pub(crate) fn all(mut hashes: Vec<u64>) -> Option<Self> {
        hashes.sort_unstable();
        hashes.dedup();
        match &*hashes {
            [] => None,
            [only] => Some(Self::One(*only)),
            _ => Some(Self::All(hashes.into())),
        }
    }

    /// Whether it names what has these names.
    pub(crate) fn covers(&self, hashes: &[u64]) -> bool {
        match self {
            Self::One(hash) => hashes.contains(hash),
            Self::All(all) => all.iter().all(|hash| hashes.contains(hash)),
        }
    }
}

/// The positions of the last purges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) hard: u64,
    soft: Soft,
    /// All soft ones before that, as one.
    earlier: Soft,
}

/// A soft purge: its position, and when it was. Of several the last position and the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Soft {
    position: u64,
    since: u64,
}

impl Marks {
    fn add(&mut self, position: u64, manner: Manner) {
        match manner {
            // What was begun before it has no use for the soft ones.
            Manner::Hard => {
                let hard = position;
                *self = Self {
                    hard,
                    ..Self::default()
                };
            }
            Manner::Soft(since) => {
                self.earlier = match self.earlier.position {
                    0 => self.soft,
                    _ => Soft {
                        position: self.soft.position,
                        since: self.earlier.since.min(self.soft.since),
                    },
                };
                self.soft = Soft { position, since };
            }
        }
    }

    /// When the first soft purge after a position was, if there was one, or a time before that: it is
    /// exact where no more than one was remembered before the last. `known` is when one was that is
    /// known already; of those that came later none can have been before it.
    pub(super) fn soft_after(self, position: u64, known: Option<u64>) -> Option<u64> {
        let is_after = |soft: &Soft| soft.position > position;
        let earlier = Some(self.earlier).filter(|_| known.is_none());
        let softs = earlier.into_iter().chain([self.soft]);
        softs.filter(is_after).map(|soft| soft.since).min()
    }

    fn last(self) -> u64 {
        self.hard.max(self.soft.position)
    }
}

/// The last purges of a name by itself, and of those that have others too.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamp {
    own: Marks,
    joint: Option<Box<[Joint]>>,
}

#[derive(Debug, Clone)]
struct Joint {
    others: Box<[u64]>,
    marks: Marks,
}

impl Stamp {
    /// With one more purge, of what has the other names too.
    pub(super) fn with(&self, others: &[u64], position: u64, manner: Manner) -> Self {
        let mut stamp = self.clone();
        if others.is_empty() {
            stamp.own.add(position, manner);
            return stamp;
        }
        let mut joint = stamp.joint.take().unwrap_or_default().into_vec();
        if let Some(joint) = joint.iter_mut().find(|joint| *joint.others == *others) {
            joint.marks.add(position, manner);
        } else {
            let mut marks = Marks::default();
            marks.add(position, manner);
            joint.push(Joint {
                others: others.into(),
                marks,
            });
        }
        stamp.joint = Some(joint.into());
        stamp
    }

    /// The purges that concern what has the name, and these.
    pub(super) fn of(&self, hashes: &[u64]) -> impl Iterator<Item = Marks> {
        let joint = self.joint.iter().flat_map(|joint| joint.iter());
        let joint = joint.filter(|joint| joint.others.iter().all(|hash| hashes.contains(hash)));
        std::iter::once(self.own).chain(joint.map(|joint| joint.marks))
    }

    /// The position of the last of all.
    pub(super) fn last(&self) -> u64 {
        let joint = self.joint.iter().flat_map(|joint| joint.iter());
        let joint = joint.map(|joint| joint.marks.last()).max();
        self.own.last().max(joint.unwrap_or_default())
    }

    /// Whether a purge of what has exactly these names stands here.
    pub(super) fn has(&self, names: &[u64]) -> bool {
        let mut joint = self.joint.iter().flat_map(|joint| joint.iter());
        joint.any(|joint| {
            let others = &joint.others;
            others.len() + 1 == names.len() && others.iter().all(|name| names.contains(name))
        })
    }

    /// How many purges of what has other names too it tells of.
    pub(super) fn joint(&self) -> u64 {
        self.joint.as_ref().map_or(0, |joint| joint.len() as u64)
    }
}
