//! [`Record`]: a purge as it stands in the log.
//!
//! ```text
//! record  = version flags node upto since count *named
//! version = %x01
//! flags   = bit 0: soft, bit 1: everything
//! node    = u64             ; who purged
//! upto    = u64             ; how many soft or hard purges of its own the node had then appended
//! since   = u64             ; soft: when, in milliseconds since the epoch
//! count   = u16
//! named   = size *hash      ; what has all of these names
//! size    = u8
//! hash    = u64
//! ```
//!
//! Numbers are little-endian. A record that cannot be read may name anything: it purges everything.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::shared::NodeId;
use crate::stamps::{Manner, Named, Stamps};

const VERSION: u8 = 1;
const SOFT: u8 = 1;
const EVERYTHING: u8 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) node: NodeId,
    /// The last of its node's purges of this manner that it tells of.
    pub(crate) upto: u64,
    pub(crate) manner: Manner,
    pub(crate) what: Purged,
}

/// What was purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purged {
    Everything,
    Named(Vec<Named>),
}

impl Purged {
    /// Takes effect on this node. The local position of the purge.
    pub(crate) fn stamp(&self, stamps: &Stamps, manner: Manner) -> u64 {
        match self {
            Self::Everything => stamps.purge_all(manner),
            Self::Named(named) => stamps.purge(named, manner),
        }
    }
}

impl Record {
    /// Everything that was born before this is dead.
    pub(crate) fn everything(node: NodeId, upto: u64) -> Self {
        Self {
            node,
            upto,
            manner: Manner::Hard,
            what: Purged::Everything,
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let named = match &self.what {
            Purged::Everything => &[][..],
            Purged::Named(named) => named,
        };
        let (soft, since) = match self.manner {
            Manner::Hard => (0, 0),
            Manner::Soft(since) => (SOFT, since),
        };
        let everything = u8::from(self.what == Purged::Everything) * EVERYTHING;
        let mut out = BytesMut::with_capacity(28 + named.len() * 9);
        out.put_u8(VERSION);
        out.put_u8(soft | everything);
        out.put_u64_le(self.node.bits());
        out.put_u64_le(self.upto);
        out.put_u64_le(since);
        out.put_u16_le(u16::try_from(named.len()).unwrap_or(u16::MAX));
        for named in named {
            let hashes = match named {
                Named::One(hash) => std::slice::from_ref(hash),
                Named::All(hashes) => hashes,
            };
            out.put_u8(u8::try_from(hashes.len()).unwrap_or(u8::MAX));
            hashes.iter().for_each(|hash| out.put_u64_le(*hash));
        }
        out.freeze()
    }

    /// `None`: it cannot be read.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let flags = bytes.try_get_u8().ok()?;
        let node = NodeId::from_bits(bytes.try_get_u64_le().ok()?);
        let upto = bytes.try_get_u64_le().ok()?;
        let since = bytes.try_get_u64_le().ok()?;
        let count = bytes.try_get_u16_le().ok()?;
        let mut named = Vec::new();
        for _ in 0..count {
            let size = bytes.try_get_u8().ok()?;
            let hashes: Option<Vec<u64>> = (0..size).map(|_| bytes.try_get_u64_le().ok()).collect();
            named.push(Named::all(hashes?)?);
        }
        let what = match flags & EVERYTHING {
            0 => Purged::Named(named),
            _ => Purged::Everything,
        };
        let manner = match flags & SOFT {
            0 => Manner::Hard,
            _ => Manner::Soft(since),
        };
        let is_whole = bytes.is_empty() && flags & !(SOFT | EVERYTHING) == 0;
        is_whole.then_some(Self {
            node,
            upto,
            manner,
            what,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Record> {
        let named = prop::collection::vec(any::<u64>(), 1..5).prop_filter_map("one", Named::all);
        let what = prop_oneof![
            Just(Purged::Everything),
            prop::collection::vec(named, 0..6).prop_map(Purged::Named),
        ];
        let manner = prop_oneof![Just(Manner::Hard), any::<u64>().prop_map(Manner::Soft)];
        (any::<u64>(), any::<u64>(), manner, what).prop_map(|(node, upto, manner, what)| Record {
            node: NodeId::from_bits(node),
            upto,
            manner,
            what,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in records()) {
            prop_assert_eq!(Record::decode(&record.encode()), Some(record));
        }

        #[test]
        fn no_part_of_a_record_is_one(record in records(), cut in any::<prop::sample::Index>()) {
            let bytes = record.encode();
            let part = &bytes[..cut.index(bytes.len())];
            prop_assert_eq!(Record::decode(part), None);
            let more = [&bytes[..], b"x"].concat();
            prop_assert_eq!(Record::decode(&more), None);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
        }
    }

    #[test]
    fn a_record_of_another_version_cannot_be_read() {
        let mut bytes = Record::everything(NodeId::from_bits(1), 2)
            .encode()
            .to_vec();
        bytes[0] = 2;
        assert_eq!(Record::decode(&bytes), None);
    }
}
