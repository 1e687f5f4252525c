//! Several nodes that share a store.

mod node;
mod sharing;
