//! Where stored responses are kept.

mod memory;

pub(crate) use memory::MemoryTier;
