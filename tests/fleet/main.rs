//! Several nodes that share a store.

mod ages;
mod ahead;
mod blind;
mod faults;
mod flight;
mod freshness;
mod joining;
mod mends;
mod node;
mod purges;
mod random;
mod sharing;
mod site;
mod variants;
