//! Several nodes that share a store.

mod ahead;
mod node;
mod random;
mod sharing;
