//! [`Apart`]: what most stored responses have no need of, and what they need once they are read.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;
use once_cell::race::OnceBox;

use crate::names::Names;
use crate::ready::Ready;
use crate::record::Record;
use crate::sight::Sight;
use crate::turns::Turns;

/// Kept with a stored response once there is something of it.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    pub(crate) unpacked: Unpacked,
    pub(crate) rare: Option<Box<Rare>>,
    pub(crate) entity_tag: OnceBox<HeaderValue>,
    pub(crate) turns: Turns,
    pub(crate) ready: Ready,
}

/// What is not in the tail of its head. Of small ones that were packed it is nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unpacked {
    pub(crate) body: Option<Bytes>,
    pub(crate) trailer: Option<(Names, Sight)>,
}

/// What few have. All have room for this.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rare {
    /// What to check it by, if hits are checked.
    pub(crate) record: Option<Arc<Record>>,
    pub(crate) coming: Coming,
}

/// How a response came into the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Coming {
    #[default]
    Fetched,
    /// The application put it there at this time, and it is of its birth.
    Put(SystemTime),
    /// The application put it there as what is true now, whatever the clock says.
    PutNow,
}

impl Apart {
    /// The same for another stored response with the same body: nobody has read that.
    pub(crate) fn renewed(&self) -> Self {
        Self {
            unpacked: self.unpacked.clone(),
            rare: self.rare.clone(),
            entity_tag: self.entity_tag.clone(),
            ..Self::default()
        }
    }

    /// As an entry has it.
    pub(crate) fn boxed(self) -> OnceBox<Self> {
        if self.is_unpacked() || self.rare.is_some() || self.entity_tag.get().is_some() {
            OnceBox::with_value(Box::new(self))
        } else {
            OnceBox::new()
        }
    }

    fn is_unpacked(&self) -> bool {
        self.unpacked.body.is_some() || self.unpacked.trailer.is_some()
    }

    /// In bytes, as it was stored, the body and the names apart.
    pub(crate) fn weight(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let record = rare.record.as_ref().map_or(0, |record| record.weight());
            size_of::<Rare>() + record
        });
        let is_there = self.is_unpacked() || self.rare.is_some();
        rare + if is_there { size_of::<Self>() } else { 0 }
    }
}
