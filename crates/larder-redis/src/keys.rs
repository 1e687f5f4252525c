//! [`Keys`]: what things are called in the store.
//!
//! ```text
//! <prefix><namespace>:{<43 characters>}:e      a value, or the rule of its variants
//! <prefix><namespace>:{<43 characters>}:v<22>  a variant
//! <prefix><namespace>:{<43 characters>}:l      the lease of the first, and :l<22> that of a variant
//! <prefix><namespace>:{log}                    the invalidation log
//! <prefix><namespace>:{log}:f                  the channel on which nodes tell of what they stored
//! <prefix><namespace>:{log}:n                  the nodes of the fleet
//! <prefix><namespace>:{log}:c                  what a start tries things out on
//! ```
//!
//! In a cluster the part in braces says which slot a key is in: all that one script touches is in one.

use larder::shared::EntryKey;

/// What all keys begin with, and those that there is one of.
#[derive(Debug)]
pub(crate) struct Keys {
    base: String,
    pub(crate) log: String,
    /// The channel on which nodes tell of what they stored.
    #[cfg_attr(not(feature = "bridge"), expect(dead_code, reason = "nobody listens"))]
    pub(crate) news: String,
    pub(crate) nodes: String,
    pub(crate) check: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str, namespace: &str) -> Self {
        let base = format!("{prefix}{namespace}:{{");
        let log = format!("{base}log}}");
        let news = format!("{log}:f");
        let nodes = format!("{log}:n");
        let check = format!("{log}:c");
        Self {
            base,
            log,
            news,
            nodes,
            check,
        }
    }

    /// Where what stands under the primary key is.
    pub(crate) fn primary(&self, key: &EntryKey) -> String {
        self.key(key, "}:e", None)
    }

    /// Where a variant is, of a key that has one.
    pub(crate) fn variant(&self, key: &EntryKey) -> Option<String> {
        let variant = key.variant_text()?;
        Some(self.key(key, "}:v", Some(&variant)))
    }

    /// Where the lease of exactly this key is.
    pub(crate) fn lease(&self, key: &EntryKey) -> String {
        self.key(key, "}:l", key.variant_text().as_deref())
    }

    fn key(&self, key: &EntryKey, part: &str, variant: Option<&str>) -> String {
        let primary = key.primary_text();
        [&self.base, primary.as_str(), part, variant.unwrap_or("")].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_stands_there_and_its_hash_is_its_slot() {
        let keys = Keys::new("larder1:", "shop");
        let key = EntryKey::new([0; 32]);
        let hash = "A".repeat(43);
        assert_eq!(keys.primary(&key), format!("larder1:shop:{{{hash}}}:e"));
        assert_eq!(keys.lease(&key), format!("larder1:shop:{{{hash}}}:l"));
        assert_eq!(keys.variant(&key), None);
        let key = key.with_variant([0; 16]);
        let variant = "A".repeat(22);
        assert_eq!(
            keys.variant(&key),
            Some(format!("larder1:shop:{{{hash}}}:v{variant}"))
        );
        assert_eq!(
            keys.lease(&key),
            format!("larder1:shop:{{{hash}}}:l{variant}")
        );
        assert_eq!(keys.log, "larder1:shop:{log}");
        assert_eq!(keys.nodes, "larder1:shop:{log}:n");
    }
}
