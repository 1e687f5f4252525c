//! [`Slots`]: which node of a cluster has which keys.

use std::collections::HashMap;

use redis::Value;

use crate::address::Address;
use crate::reply;

/// Slots of a cluster, always.
const SLOTS: usize = 16_384;

/// Who is the master of each slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slots {
    /// By slot, the place in the list of masters, and one that is none for slots that nobody has.
    masters_of: Vec<u16>,
    pub(crate) masters: Vec<Address>,
    /// All nodes, with those that are masters of nothing.
    pub(crate) nodes: Vec<Address>,
}

impl Slots {
    /// Reads what a node answers to `CLUSTER SLOTS`. Nodes that it does not name are where it is itself.
    pub(crate) fn read(answer: Value, from: &Address) -> Option<Self> {
        let mut slots = Self {
            masters_of: vec![u16::MAX; SLOTS],
            masters: Vec::new(),
            nodes: Vec::new(),
        };
        let mut places = HashMap::new();
        for range in reply::array(answer).ok()? {
            let mut range = reply::array(range).ok()?.into_iter();
            let first = usize::try_from(reply::int(range.next()?).ok()?).ok()?;
            let last = usize::try_from(reply::int(range.next()?).ok()?).ok()?;
            let nodes = range.map(|node| node_of(node, from));
            let nodes: Vec<Address> = nodes.collect::<Option<_>>()?;
            let master = nodes.first()?;
            let place = *places.entry(master.to_string()).or_insert_with(|| {
                slots.masters.push(master.clone());
                slots.masters.len() - 1
            });
            slots
                .masters_of
                .get_mut(first..=last)?
                .fill(u16::try_from(place).ok()?);
            slots.nodes.extend(nodes);
        }
        Some(slots)
    }

    /// The place of a key's master in the list.
    pub(crate) fn place_of(&self, key: &str) -> Option<usize> {
        let place = usize::from(*self.masters_of.get(slot_of(key))?);
        (place < self.masters.len()).then_some(place)
    }
}

/// Host, port, and more that is of no interest.
fn node_of(node: Value, from: &Address) -> Option<Address> {
    let mut node = reply::array(node).ok()?.into_iter();
    let host = reply::text(node.next()?).unwrap_or_default();
    let port = u16::try_from(reply::int(node.next()?).ok()?).ok()?;
    let is_named = !host.is_empty() && host != "?";
    let host = if is_named {
        host
    } else {
        from.host().to_owned()
    };
    Some(from.beside(host, port))
}

/// The slot of a key: of what is in its first braces, if there is something.
fn slot_of(key: &str) -> usize {
    let tag = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map_or(key, |(tag, _)| if tag.is_empty() { key } else { tag });
    usize::from(crc16(tag.as_bytes())) % SLOTS
}

/// CRC-16/XMODEM, as the specification of Redis Cluster has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_that_of_what_is_in_braces() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of("foo"), 12_182);
        assert_eq!(slot_of("larder1:{foo}:e"), 12_182);
        assert_eq!(slot_of("{}foo"), usize::from(crc16(b"{}foo")) % SLOTS);
    }

    #[test]
    fn a_map_says_where_a_key_is() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: &str, port| Value::Array(vec![text(host), Value::Int(port), text("id")]);
        let range = |first, last, nodes: Vec<Value>| {
            let ends = [Value::Int(first), Value::Int(last)];
            Value::Array(ends.into_iter().chain(nodes).collect())
        };
        let from = Address::Tcp {
            host: "seed".into(),
            port: 1,
            is_encrypted: true,
        };
        let answer = Value::Array(vec![
            range(0, 12_181, vec![node("a", 1), node("c", 3)]),
            range(12_182, 12_182, vec![node("", 2)]),
        ]);
        let slots = Slots::read(answer, &from).unwrap();
        let names: Vec<_> = slots.masters.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["rediss://a:1", "rediss://seed:2"]);
        assert_eq!(slots.nodes.len(), 3);
        assert_eq!(slots.place_of("foo"), Some(1));
        assert_eq!(slots.place_of("bar"), Some(0), "5061");
        // Nobody has it.
        let all: Vec<_> = (0..40).map(|n| slots.place_of(&n.to_string())).collect();
        assert!(all.contains(&None) && all.contains(&Some(0)));
        assert_eq!(Slots::read(Value::Int(1), &from), None);
        let wrong = Value::Array(vec![range(0, 16_384, vec![node("a", 1)])]);
        assert_eq!(Slots::read(wrong, &from), None);
    }
}
