//! [`KnownKeys`]: the declared keys of all routes, for purges of URLs.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use larder_policy::key::Key;

/// Keys of layers that are still there.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys {
    keys: Mutex<Vec<Weak<Key>>>,
}

impl KnownKeys {
    /// A route has this key.
    pub(crate) fn add(&self, key: &Arc<Key>) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are gone make room before memory grows.
        if keys.len() == keys.capacity() {
            keys.retain(|key| key.strong_count() > 0);
        }
        keys.push(Arc::downgrade(key));
    }

    /// All keys, each as often as routes have it.
    pub(crate) fn all(&self) -> Vec<Arc<Key>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_layers_that_are_gone_take_no_room() {
        let known = KnownKeys::default();
        let kept = Arc::new(Key::new());
        known.add(&kept);
        for _ in 0..10_000 {
            known.add(&Arc::new(Key::new()));
        }
        assert_eq!(known.all().len(), 1);
        let keys = known.keys.lock().unwrap();
        assert!(keys.len() < 16, "{}", keys.len());
    }
}
