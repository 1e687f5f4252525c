//! What items are called: all names begin with the namespace, have no spaces, and fit into 250 bytes.

use larder::shared::{EntryKey, LogPosition, NodeId};

/// The names of one namespace.
#[derive(Debug)]
pub(crate) struct Names {
    namespace: String,
}

impl Names {
    /// `None`: no key can begin so.
    pub(crate) fn new(namespace: &str) -> Option<Self> {
        let fits = (1..=LONGEST_NAMESPACE).contains(&namespace.len())
            && namespace.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self {
            namespace: namespace.to_owned(),
        })
    }

    /// The namespace itself.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where a value stands.
    pub(crate) fn value(&self, key: &EntryKey) -> String {
        format!("{}:e:{key}", self.namespace)
    }

    /// Where the value or the rule of a primary key stands.
    pub(crate) fn primary(&self, key: &EntryKey) -> String {
        self.value(&EntryKey::new(*key.primary()))
    }

    /// Where the lease of a key stands.
    pub(crate) fn lease(&self, key: &EntryKey) -> String {
        format!("{}:l:{key}", self.namespace)
    }

    /// Where the position of the newest record stands.
    pub(crate) fn counter(&self) -> String {
        format!("{}:inv", self.namespace)
    }

    /// Where a record of the log stands.
    pub(crate) fn record(&self, at: LogPosition) -> String {
        format!("{}:r:{}", self.namespace, at.bits())
    }

    /// Where the list of nodes stands.
    pub(crate) fn nodes(&self) -> String {
        format!("{}:nodes", self.namespace)
    }

    /// Where it stands how far a node has read.
    pub(crate) fn node(&self, node: NodeId) -> String {
        format!("{}:n:{node}", self.namespace)
    }
}

/// Beside it there is room for the longest key: 71 bytes.
pub(crate) const LONGEST_NAMESPACE: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_fit() {
        let names = Names::new(&"n".repeat(LONGEST_NAMESPACE)).expect("as long as it may be");
        let key = EntryKey::new([255; 32]).with_variant([255; 16]);
        assert!(names.lease(&key).len() <= 250 && names.value(&key).len() <= 250);
        assert!(names.record(LogPosition::from_bits(u64::MAX)).len() <= 250);
    }

    #[test]
    fn a_namespace_with_a_space_or_a_line_end_is_none() {
        for namespace in [
            "",
            "a b",
            "a\r\nflush_all",
            "ä",
            &"n".repeat(LONGEST_NAMESPACE + 1),
        ] {
            assert!(Names::new(namespace).is_none(), "{namespace:?}");
        }
    }
}
