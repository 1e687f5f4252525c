//! Several nodes that share a store.

mod ages;
mod ahead;
mod blind;
mod bound;
mod elsewhere;
mod failovers;
mod faults;
mod flight;
mod found;
mod freshness;
mod joining;
mod losses;
mod mends;
mod node;
mod pair;
mod purges;
mod purges_in_flight;
mod random;
mod reads;
mod receipts;
mod scene;
mod sharing;
mod site;
mod user;
mod variants;
mod waiting;
