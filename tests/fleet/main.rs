//! Several nodes that share a store.

mod ahead;
mod mends;
mod node;
mod random;
mod sharing;
mod site;
