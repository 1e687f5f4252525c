//! What stored responses of one kind have in common.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::fields::copy_values;

/// What the stored responses of one kind have in common: the names of their fields in order, and the
/// values that are rarely different. A place is left for each value that a response has of its own.
///
/// Two are equal if their lines are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Template(Arc<Common>);

#[derive(Debug)]
struct Common {
    fields: HeaderMap,
    /// How many lines answers fill in. They are the first.
    room: usize,
    /// How many lines after those have a place only.
    places: usize,
}

impl Template {
    pub(crate) fn new(fields: HeaderMap, room: usize, places: usize) -> Self {
        Self(Arc::new(Common {
            fields,
            room,
            places,
        }))
    }

    /// How many lines it has, places included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.fields.len()
    }

    /// Without a line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.fields.is_empty()
    }

    /// The same with other objects for the values that are in common, such as those that are nobody's
    /// to count. `None` if there is none for one of them.
    #[must_use]
    pub fn with_values(
        &self,
        mut value: impl FnMut(&HeaderValue) -> Option<HeaderValue>,
    ) -> Option<Self> {
        let mut fields = self.0.fields.clone();
        for line in self.in_common(&mut fields) {
            *line = value(line)?;
        }
        Some(self.with_fields(fields))
    }

    /// Nobody else has it.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// For one response alone. A map grows ahead of what is put into it, and a clone does not.
    pub(crate) fn alone(&self) -> Self {
        let mut fields = self.0.fields.clone();
        copy_values(self.in_common(&mut fields));
        self.with_fields(fields)
    }

    /// Those of the values in a copy that are not to be filled in.
    pub(crate) fn in_common<'a>(
        &self,
        fields: &'a mut HeaderMap,
    ) -> impl Iterator<Item = &'a mut HeaderValue> {
        let others = self.0.room.saturating_add(self.0.places);
        fields.values_mut().skip(others)
    }

    fn with_fields(&self, fields: HeaderMap) -> Self {
        Self::new(fields, self.0.room, self.0.places)
    }

    #[inline]
    pub(crate) fn fields(&self) -> &HeaderMap {
        &self.0.fields
    }

    /// All lines, where none is to be filled in and nobody else has them.
    pub(crate) fn whole_mut(&mut self) -> Option<&mut HeaderMap> {
        let common = Arc::get_mut(&mut self.0)?;
        let is_whole = common.room == 0 && common.places == 0;
        is_whole.then_some(&mut common.fields)
    }

    /// How many lines answers fill in.
    pub(crate) fn room(&self) -> usize {
        self.0.room
    }

    /// How many lines have a place only.
    #[inline]
    pub(crate) fn places(&self) -> usize {
        self.0.places
    }

    pub(crate) fn weight(&self) -> usize {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            name.as_str().len() + value.len() + LINE_BYTES
        };
        size_of::<Common>() + self.0.fields.iter().map(line).sum::<usize>()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        let (of, to) = (&self.0, &other.0);
        (of.room, of.places) == (to.room, to.places) && of.fields.iter().eq(to.fields.iter())
    }
}

impl Eq for Template {}

impl Hash for Template {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.room, self.0.places).hash(state);
        for line in &self.0.fields {
            line.hash(state);
        }
    }
}

/// What a map needs for a line beyond its name and value.
pub(crate) const LINE_BYTES: usize = 112;
