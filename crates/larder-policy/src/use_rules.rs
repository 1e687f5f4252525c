//! What a stored response says about its own use.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_STATUS, ETAG, Entry, HeaderName, HeaderValue};

use crate::fields::number_value;

/// What the stored response says about its own use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UseRules {
    /// Unqualified `no-cache`: validate before every use.
    pub(crate) no_cache: bool,
    /// `must-revalidate` and, in a shared cache, `proxy-revalidate` and `s-maxage`.
    pub(crate) stale_forbidden: bool,
    pub(crate) immutable: bool,
    /// Marked stale by a HEAD that disagreed: usable again only after validation.
    pub(crate) invalidated: bool,
    /// The `ETag` slot waits for an entity tag made from the body.
    pub(crate) etag_slot: bool,
    /// The last `Cache-Status` line waits for our member.
    pub(crate) status_slot: bool,
    /// Caches nearer to the origin have lines before it.
    pub(crate) upstream_status: bool,
}

/// The same in one byte, as it is kept with every stored response, and sent to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RuleBits(u8);

impl RuleBits {
    /// `None`: bits that say nothing.
    pub(crate) fn of(bits: u8) -> Option<Self> {
        (bits & !ALL == 0).then_some(Self(bits))
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    #[inline]
    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// The slot is filled already.
    #[inline]
    pub(crate) const fn without_etag_slot(self) -> Self {
        Self(self.0 & !ETAG_SLOT)
    }

    #[inline]
    pub(crate) const fn get(self) -> UseRules {
        UseRules {
            no_cache: self.has(NO_CACHE),
            stale_forbidden: self.has(STALE_FORBIDDEN),
            immutable: self.has(IMMUTABLE),
            invalidated: self.has(INVALIDATED),
            etag_slot: self.has(ETAG_SLOT),
            status_slot: self.has(STATUS_SLOT),
            upstream_status: self.has(UPSTREAM_STATUS),
        }
    }
}

impl From<UseRules> for RuleBits {
    fn from(rules: UseRules) -> Self {
        let bits = [
            (rules.no_cache, NO_CACHE),
            (rules.stale_forbidden, STALE_FORBIDDEN),
            (rules.immutable, IMMUTABLE),
            (rules.invalidated, INVALIDATED),
            (rules.etag_slot, ETAG_SLOT),
            (rules.status_slot, STATUS_SLOT),
            (rules.upstream_status, UPSTREAM_STATUS),
        ];
        Self(
            bits.iter()
                .fold(0, |all, (is_set, bit)| all | if *is_set { *bit } else { 0 }),
        )
    }
}

impl RuleBits {
    /// The line waits for what an answer fills in.
    pub(crate) fn has_room(self, name: &HeaderName) -> bool {
        *name == AGE
            || (*name == CACHE_STATUS && self.has(STATUS_SLOT) && !self.has(UPSTREAM_STATUS))
            || (*name == ETAG && self.has(ETAG_SLOT))
    }

    /// Overwrites the room left for `Age`, our `Cache-Status` member and an entity tag made from the
    /// body. Whoever stored the response may have left none for the member, or want one where this
    /// answer has none.
    #[inline]
    pub(crate) fn fill_room(
        self,
        headers: &mut HeaderMap,
        age: Duration,
        status: Option<HeaderValue>,
        tag: Option<&HeaderValue>,
    ) {
        let age = number_value(age.as_secs());
        let has_room = self.has(STATUS_SLOT) && !self.has(UPSTREAM_STATUS);
        let status = match status {
            Some(status) if has_room => {
                let mut fields = headers.iter_mut();
                if let (Some((&AGE, old_age)), Some((&CACHE_STATUS, old_status))) =
                    (fields.next(), fields.next())
                {
                    *old_age = age;
                    *old_status = status;
                    if !self.has(ETAG_SLOT) {
                        return;
                    }
                    match (fields.next(), tag) {
                        (Some((&ETAG, old_tag)), Some(tag)) => old_tag.clone_from(tag),
                        _ => self.fill_tag(headers, tag),
                    }
                    return;
                }
                Some(status)
            }
            other => other,
        };
        headers.insert(AGE, age);
        self.fill_tag(headers, tag);
        match (status, headers.entry(CACHE_STATUS)) {
            (Some(status), Entry::Occupied(mut lines)) if self.has(STATUS_SLOT) => {
                if let Some(last) = lines.iter_mut().last() {
                    *last = status;
                }
            }
            (Some(status), Entry::Occupied(mut lines)) => lines.append(status),
            (Some(status), Entry::Vacant(room)) => {
                room.insert(status);
            }
            (None, Entry::Occupied(_)) if self.has(STATUS_SLOT) => {
                drop_last(headers, &CACHE_STATUS);
            }
            (None, _) => {}
        }
    }

    fn fill_tag(self, headers: &mut HeaderMap, tag: Option<&HeaderValue>) {
        if self.has(ETAG_SLOT) {
            match tag {
                Some(tag) => headers.insert(ETAG, tag.clone()),
                None => headers.remove(ETAG),
            };
        }
    }
}

/// Removes the last line of a field.
pub(crate) fn drop_last(headers: &mut HeaderMap, name: &HeaderName) {
    let mut lines: Vec<_> = headers.get_all(name).iter().cloned().collect();
    lines.pop();
    headers.remove(name);
    for line in lines {
        headers.append(name.clone(), line);
    }
}

// What a store has goes by these: they stay as they are.
const NO_CACHE: u8 = 1;
const STALE_FORBIDDEN: u8 = 1 << 1;
const IMMUTABLE: u8 = 1 << 2;
const INVALIDATED: u8 = 1 << 3;
const ETAG_SLOT: u8 = 1 << 4;
const STATUS_SLOT: u8 = 1 << 5;
const UPSTREAM_STATUS: u8 = 1 << 6;
const ALL: u8 = (1 << 7) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_with_a_meaning_is_what_it_says_and_no_other_is_read() {
        for bits in 0..=u8::MAX {
            let read = RuleBits::of(bits);
            assert_eq!(read.is_some(), bits < 1 << 7, "{bits}");
            if let Some(read) = read {
                assert_eq!(RuleBits::from(read.get()).bits(), bits);
            }
        }
        let rules = UseRules {
            immutable: true,
            ..UseRules::default()
        };
        assert_eq!(RuleBits::from(rules).get(), rules);
    }
}
