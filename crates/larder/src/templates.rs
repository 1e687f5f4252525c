//! What the heads of stored responses have in common, kept once.

use std::array;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;
use larder_policy::Template;
use rapidhash::fast::RandomState;

/// The templates that stored responses share. Few, for an API has few kinds of responses: what is
/// beyond these, or large, each response keeps and counts for itself.
#[derive(Debug, Default)]
pub(crate) struct Templates(RwLock<HashSet<Template, RandomState>>);

impl Templates {
    /// One that is equal, for as many as ask.
    pub(crate) fn shared(&self, template: &Template) -> Option<Template> {
        self.shared_with(template, &VALUES)
    }

    fn shared_with(&self, template: &Template, values: &Values) -> Option<Template> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(template) {
            return Some(known.clone());
        }
        drop(known);
        if template.len() > MAX_LINES {
            return None;
        }
        let new = template.with_values(|value| values.lasting(value))?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_TEMPLATES {
            known.retain(|template| !template.is_unused());
        }
        if known.len() >= MAX_TEMPLATES {
            return None;
        }
        known.replace(new.clone());
        Some(new)
    }
}

/// Values that last for the life of the process, so that nobody counts who has them: all threads copy
/// them with every answer.
#[derive(Debug)]
struct Values {
    known: RwLock<HashSet<&'static [u8], RandomState>>,
    /// Hashes of what was seen once.
    seen: [AtomicU64; SEEN],
    hasher: RandomState,
}

impl Values {
    fn new() -> Self {
        Self {
            known: RwLock::default(),
            seen: array::from_fn(|_| AtomicU64::new(0)),
            hasher: RandomState::new(),
        }
    }

    /// The same value as one that lasts. `None` if there are too many already, or it comes for the first
    /// time: what each response has another of comes once.
    fn lasting(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let bytes = value.as_bytes();
        let is_again = || bytes.len() <= MAX_VALUE_BYTES && self.is_seen_again(bytes);
        let lasting = || is_again().then(|| self.keep(bytes, MAX_VALUES))?;
        self.known(bytes).or_else(lasting)
    }

    /// The same for a value that is copied often: a short one may come once, while half of the room is
    /// left.
    fn lasting_of_often(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let bytes = value.as_bytes();
        let is_short = bytes.len() <= MAX_OFTEN_BYTES;
        let lasting = || is_short.then(|| self.keep(bytes, MAX_VALUES / 2))?;
        self.known(bytes).or_else(lasting)
    }

    fn known(&self, bytes: &[u8]) -> Option<HeaderValue> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        value_of(known.get(bytes)?)
    }

    fn keep(&self, bytes: &[u8], limit: usize) -> Option<HeaderValue> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limit {
            return None;
        }
        let lasting: &'static [u8] = Box::leak(bytes.into());
        known.insert(lasting);
        value_of(lasting)
    }

    fn is_seen_again(&self, bytes: &[u8]) -> bool {
        let hash = self.hasher.hash_one(bytes) | 1;
        let at = usize::try_from(hash >> 32).unwrap_or_default() % SEEN;
        let seen = self.seen.get(at);
        seen.is_some_and(|seen| seen.swap(hash, Ordering::Relaxed) == hash)
    }
}

fn value_of(lasting: &'static [u8]) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from_static(lasting)).ok()
}

/// The same value as one that lasts, if there is room for it or it is there already: for what is copied
/// often.
pub(crate) fn lasting(value: &HeaderValue) -> Option<HeaderValue> {
    VALUES.lasting_of_often(value)
}

static VALUES: LazyLock<Values> = LazyLock::new(Values::new);

/// Of each cache. With as many lines as there may be some 300 KiB.
const MAX_TEMPLATES: usize = 128;
const MAX_LINES: usize = 20;

/// Of the process: 128 KiB.
const MAX_VALUES: usize = 512;
const MAX_VALUE_BYTES: usize = 256;
const MAX_OFTEN_BYTES: usize = 64;

const SEEN: usize = 256;

#[cfg(test)]
mod tests {
    use http::header::SERVER;

    use super::*;
    use crate::samples;

    /// The template of a response with this field, as far as it is shared.
    fn shared(templates: &Templates, values: &Values, name: &str, value: &str) -> Option<Template> {
        let mut head = samples::head(name, value);
        let mut found = None;
        head.pack(&[], |template| {
            found = templates.shared_with(template, values);
            found.clone()
        });
        found
    }

    #[test]
    fn what_is_copied_often_lasts_though_it_came_once_if_it_is_short_and_leaves_room() {
        let values = Values::new();
        let value = |text: String| HeaderValue::try_from(text).unwrap();
        assert_eq!(values.lasting_of_often(&value("x".repeat(65))), None);
        for number in 0..MAX_VALUES / 2 {
            let value = value(number.to_string());
            assert_eq!(values.lasting_of_often(&value).as_ref(), Some(&value));
        }
        let late = value("late".to_owned());
        assert_eq!(values.lasting_of_often(&late), None);
        assert_eq!(values.lasting(&late), None);
        assert_eq!(values.lasting(&late), Some(late));
    }

    #[test]
    fn what_comes_again_is_shared() {
        let (templates, values) = (Templates::default(), Values::new());
        let of = |value| shared(&templates, &values, SERVER.as_str(), value);
        assert_eq!(of("a"), None);
        let second = of("a").unwrap();
        assert_eq!(of("a").unwrap(), second);
        assert!(!second.is_unused());
        assert_eq!(of("b"), None);
        assert_ne!(of("b").unwrap(), second);
    }

    #[test]
    fn what_comes_once_lasts_nowhere() {
        let (templates, values) = (Templates::default(), Values::new());
        for value in 0..10 * MAX_VALUES {
            let value = format!("once {value}");
            assert_eq!(shared(&templates, &values, "server", &value), None);
        }
        assert!(values.known.read().unwrap().is_empty());
    }

    #[test]
    fn no_more_is_kept_than_there_may_be() {
        let (templates, values) = (Templates::default(), Values::new());
        let twice = |name: &str, value: &str| {
            shared(&templates, &values, name, value);
            shared(&templates, &values, name, value)
        };
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        assert_eq!(twice("server", &long), None);
        let held: Vec<_> = (0..2 * MAX_TEMPLATES)
            .filter_map(|value| twice("server", &format!("{value}")))
            .collect();
        assert_eq!(held.len(), MAX_TEMPLATES);
        // What nobody has any more makes room.
        drop(held);
        assert!(twice("server", "new").is_some());
        for value in 0..2 * MAX_VALUES {
            twice("server", &format!("{value}"));
        }
        assert_eq!(values.known.read().unwrap().len(), MAX_VALUES);
    }
}
