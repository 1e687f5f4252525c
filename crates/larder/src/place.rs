//! [`Place`]: what is asked for, kept for when it is to be named.

use larder_policy::key::{KeyBuf, Partition, Target};

/// What is asked for, as far as a response is named by it: kept until a fill begins, for most that another
/// node answers is never named.
#[derive(Clone)]
pub(crate) struct Place {
    /// Origin, partition, path and query, one after the other.
    bytes: Box<[u8]>,
    origin_end: usize,
    partition_end: usize,
    path_end: usize,
    has_query: bool,
}

impl Place {
    pub(crate) fn new(target: &Target<'_>, partition: &Partition) -> Self {
        let mut bytes = KeyBuf::new();
        target.origin_bytes(&mut bytes);
        let origin_end = bytes.len();
        if !partition.is_shared() {
            partition.encode_into(&mut bytes);
        }
        let partition_end = bytes.len();
        bytes.extend_from_slice(target.path().as_bytes());
        let path_end = bytes.len();
        bytes.extend_from_slice(target.query().unwrap_or_default().as_bytes());
        Self {
            bytes: bytes.as_slice().into(),
            origin_end,
            partition_end,
            path_end,
            has_query: target.query().is_some(),
        }
    }

    /// Host and port.
    pub(crate) fn origin(&self) -> &[u8] {
        self.between(0, self.origin_end)
    }

    /// Whose copy it is; `None` is everybody's.
    pub(crate) fn partition(&self) -> Option<&[u8]> {
        let partition = self.between(self.origin_end, self.partition_end);
        (!partition.is_empty()).then_some(partition)
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.between(self.partition_end, self.path_end)
    }

    pub(crate) fn query(&self) -> Option<&[u8]> {
        let query = || self.between(self.path_end, self.bytes.len());
        self.has_query.then(query)
    }

    fn between(&self, begin: usize, end: usize) -> &[u8] {
        self.bytes.get(begin..end).unwrap_or_default()
    }
}
