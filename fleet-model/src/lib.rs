//! The protocol of a fleet, under schedules drawn at random: a log that fails in all the ways that logs do, a
//! shared store of responses, nodes that come and go, and requests and purges at any time.
//!
//! The first modules are the core's own files, so that a mistake there is a mistake here. What drives them in
//! the core, with timers and connections, is done here step by step: each step is one that some task of the
//! core takes without waiting, and which of all is next is drawn. So a schedule is a seed.

mod fleet;
#[expect(dead_code, reason = "nothing here has names of several sources")]
#[path = "../../crates/larder/src/names.rs"]
mod names;
mod shared;
mod shim;
#[path = "../../crates/larder/src/sight.rs"]
mod sight;
#[expect(dead_code, reason = "times are numbers here")]
#[path = "../../crates/larder/src/stamps/mod.rs"]
mod stamps;

mod counts;
mod end;
mod entry;
mod faults;
mod flight;
mod flying;
mod follower;
mod following;
mod journal;
mod mistake;
mod node;
mod purging;
mod request;
mod run;
mod step;
mod truth;
mod world;

pub use counts::Counts;
pub use mistake::Mistake;
pub use run::{Found, run, seeds};
