//! Several nodes that share a store.

mod ages;
mod ahead;
mod blind;
mod bound;
mod failovers;
mod elsewhere;
mod faults;
mod flight;
mod freshness;
mod joining;
mod losses;
mod mends;
mod node;
mod pair;
mod purges;
mod purges_in_flight;
mod random;
mod receipts;
mod scene;
mod reads;
mod sharing;
mod site;
mod user;
mod variants;
mod waiting;
