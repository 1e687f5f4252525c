//! What a response on its way into the store adds to the keys of its route.

use std::hash::BuildHasher;
use std::time::SystemTime;

use larder_policy::StoredHead;
use larder_policy::key::{InputKind, inputs_of};

use crate::cardinality::Value;
use crate::finding::Finding;
use crate::job::Job;

impl Job {
    /// Whether the route may store one key more. What takes the place of a stored response is none.
    pub(crate) fn is_within_budget(&self, head: &StoredHead, now: SystemTime) -> bool {
        let Some(keys) = self.keys.as_deref().filter(|_| self.fetch.stored.is_none()) else {
            return true;
        };
        let hasher = &self.context.cache.shared().hasher;
        let values = values(&self.fetch.key, head, |value| hasher.hash_one(value));
        let key = hasher.hash_one((&*self.fetch.key, head.selection().encoded()));
        let observed = keys.observe(key, values, now);
        for over in observed.over {
            let route = Some(keys.route()).filter(|name| !name.is_empty());
            let finding = Finding::cardinality(route.unwrap_or_else(|| self.sent.path()), over);
            self.context.cache.shared().findings.report(&finding);
        }
        observed.admitted
    }
}

/// The inputs of a primary key, and the selecting header fields.
fn values<'a>(
    key: &'a [u8],
    head: &'a StoredHead,
    hash: impl Fn(Option<&[u8]>) -> u64,
) -> Vec<Value<'a>> {
    let mut values = Vec::new();
    for (kind, name, value) in inputs_of(key) {
        if kind == InputKind::Query {
            let parameters = parameters(value.unwrap_or_default());
            values.extend(parameters.map(|(name, pair)| (kind, name, hash(Some(pair)))));
        }
        values.push((kind, name, hash(value)));
    }
    let selecting = head.selection().values();
    values.extend(selecting.map(|(name, value)| (InputKind::Header, name.as_str(), hash(value))));
    values
}

/// Those parameters of a query that are worth naming: what is named will be read by people.
fn parameters(query: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let pairs = query.split(|byte| *byte == b'&').take(MAX_PARAMETERS);
    pairs.filter_map(|pair| {
        let name = pair.split(|byte| *byte == b'=').next()?;
        let name = std::str::from_utf8(name).ok()?;
        let readable = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        readable.then_some((name, pair))
    })
}

const MAX_PARAMETERS: usize = 64;
const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_if_their_names_can_be_read() {
        let long = "x".repeat(65);
        let query = format!("a=1&b&=2&&c=&d%0a=3&\u{e9}=4&{long}=5&a=6=7");
        let names: Vec<_> = parameters(query.as_bytes()).collect();
        let expected: [(&str, &[u8]); 5] = [
            ("a", b"a=1"),
            ("b", b"b"),
            ("c", b"c="),
            ("d%0a", b"d%0a=3"),
            ("a", b"a=6=7"),
        ];
        assert_eq!(names, expected);
        assert_eq!(parameters(&b"a&".repeat(1000)).count(), MAX_PARAMETERS);
        assert_eq!(parameters(b"").count(), 0);
    }
}
