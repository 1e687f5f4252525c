//! Where stored responses are kept.

mod books;
mod choice;
pub(crate) mod engine;
mod ghosts;
mod greedy_dual;
pub(crate) mod held;
mod memory;
mod rows;
pub(crate) mod sampled;

pub use choice::MemoryEngine;
pub(crate) use held::Held;
pub(crate) use memory::MemoryTier;
