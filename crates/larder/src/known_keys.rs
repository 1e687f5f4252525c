//! [`KnownKeys`]: the declared keys of all routes, for purges of URLs.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use larder_policy::key::Key;

/// Keys of layers that are still there. Those that make the same of every URL are together: an
/// application has hundreds of routes and few kinds of keys.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys {
    kinds: Mutex<Vec<Kind>>,
}

/// Keys that make the same of every URL; one at least was there when it was last looked at.
type Kind = Vec<Weak<Key>>;

impl KnownKeys {
    /// A route has this key.
    pub(crate) fn add(&self, key: &Arc<Key>) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |kind: &&mut Kind| one_of(kind).is_some_and(|one| one.has_same_targets(key));
        let new = Arc::downgrade(key);
        match kinds.iter_mut().find(same) {
            Some(kind) => push(kind, new, |key| key.strong_count() > 0),
            None => push(&mut kinds, vec![new], |kind| one_of(kind).is_some()),
        }
    }

    /// One key of each kind.
    pub(crate) fn kinds(&self) -> Vec<Arc<Key>> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.iter().filter_map(one_of).collect()
    }
}

fn one_of(kind: &Kind) -> Option<Arc<Key>> {
    kind.iter().find_map(Weak::upgrade)
}

/// What is gone makes room before memory grows.
fn push<T>(all: &mut Vec<T>, new: T, is_there: impl Fn(&T) -> bool) {
    if all.len() == all.capacity() {
        all.retain(is_there);
    }
    all.push(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_layers_that_are_gone_take_no_room() {
        let known = KnownKeys::default();
        let kept = Arc::new(Key::new());
        known.add(&kept);
        for number in 0..10_000 {
            known.add(&Arc::new(Key::new()));
            known.add(&Arc::new(Key::new().query([number.to_string()])));
        }
        assert_eq!(known.kinds().len(), 1);
        let kinds = known.kinds.lock().unwrap();
        let room: usize = kinds.iter().map(Vec::capacity).sum();
        assert!(kinds.capacity() + room < 48, "{} {room}", kinds.capacity());
    }

    #[test]
    fn a_kind_is_known_while_one_layer_has_a_key_of_it() {
        let known = KnownKeys::default();
        let keys: Vec<_> = (0..300)
            .map(|number| match number % 3 {
                0 => Key::new(),
                1 => Key::new().header("accept-language").query(["page"]),
                _ => Key::new().query(["page"]),
            })
            .map(Arc::new)
            .collect();
        keys.iter().for_each(|key| known.add(key));
        assert_eq!(known.kinds().len(), 2);
        let mut keys = keys;
        keys.truncate(2);
        assert_eq!(known.kinds().len(), 2);
        keys.truncate(1);
        let [kind] = &known.kinds()[..] else {
            panic!("one kind");
        };
        assert!(kind.has_same_targets(&Key::new()));
    }
}
