//! [`Beyond`]: values that are sound and say to be born where the log has not come to. Most are of a node that
//! has read farther than this one. But a log that was lost leaves some behind, and others can write them;
//! such a value would stay for as long as it says, and nothing could take its place.

use std::collections::HashMap;

use super::Fleet;
use crate::shared::{EntryKey, LogPosition};
use crate::shim::{Mutex, lock};
use crate::sight::Moment;

/// More are not remembered: whoever reads them again remembers them then.
const MOST: usize = 1024;

/// What was found, and when.
#[derive(Debug, Default)]
pub(super) struct Beyond(Mutex<HashMap<EntryKey, (LogPosition, Moment)>>);

impl Beyond {
    fn found(&self, key: EntryKey, born: LogPosition, at: Moment) {
        let mut found = lock(&self.0);
        if found.len() < MOST || found.contains_key(&key) {
            found.insert(key, (born, at));
        }
    }

    /// What was found before a moment, which is forgotten.
    fn take(&self, before: Moment) -> Vec<(EntryKey, LogPosition)> {
        let mut found = lock(&self.0);
        let taken = found.extract_if(|_, (_, at)| *at < before);
        taken.map(|(key, (born, _))| (key, born)).collect()
    }
}

impl Fleet {
    /// A value says to be born there.
    pub(crate) fn found_born(&self, key: &EntryKey, born: LogPosition) {
        if born > self.applied() {
            self.beyond.found(*key, born, self.trust.now());
        }
    }

    /// The log was read to its end, by a read that began at a moment. What was found before that and is born
    /// later still is born where the log never was.
    pub(crate) fn discard_beyond(&self, heard: Moment) {
        for (key, born) in self.beyond.take(heard) {
            if born > self.applied() {
                self.discard(key, born);
            }
        }
    }
}
