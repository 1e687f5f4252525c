//! [`Apart`]: what most stored responses have no need of, and what they need once they are read.

use std::sync::{Arc, OnceLock};
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
    pub(crate) rare: Option<Box<Rare>>,
    pub(crate) entity_tag: OnceLock<HeaderValue>,
    pub(crate) turns: Turns,
    pub(crate) ready: Ready,
}

/// What is not in the tail of its head. Of small ones that were packed few have anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rare {
    pub(crate) body: Option<Bytes>,
    pub(crate) trailer: Option<(Names, Sight)>,
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
    /// As an entry has it, for another stored response with the same body.
    pub(crate) fn boxed(rare: Rare, entity_tag: Option<&HeaderValue>) -> OnceBox<Self> {
        let rare = (!rare.is_empty()).then(|| Box::new(rare));
        if rare.is_none() && entity_tag.is_none() {
            return OnceBox::new();
        }
        OnceBox::with_value(Box::new(Self {
            rare,
            entity_tag: entity_tag.cloned().map(OnceLock::from).unwrap_or_default(),
            ..Self::default()
        }))
    }

    /// In bytes, the body and the names apart.
    pub(crate) fn weight(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let record = rare.record.as_ref().map_or(0, |record| record.weight());
            size_of::<Rare>() + record
        });
        size_of::<Self>() + rare
    }
}

impl Rare {
    fn is_empty(&self) -> bool {
        let Self {
            body,
            trailer,
            record,
            coming,
        } = self;
        body.is_none() && trailer.is_none() && record.is_none() && *coming == Coming::default()
    }
}
