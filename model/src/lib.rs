//! The state machines of collapsing, fills and purges, under a scheduler that chooses at random who goes on.
//!
//! The first modules are the core's own files. They take locks and atomics only through
//! `crate::shim`, which here gives them those of the checker: each lock and each atomic is a point
//! where another task may go on. So the core needs no feature for it, and what is checked is what
//! is published. The models are functions; `tests/` runs each of them under many schedules.

#[path = "../../crates/larder/src/body_error.rs"]
mod body_error;
#[expect(dead_code, reason = "refreshing takes the reader out of a body")]
#[path = "../../crates/larder/src/buffer/mod.rs"]
mod buffer;
#[path = "../../crates/larder/src/flights.rs"]
mod flights;
#[expect(dead_code, reason = "nothing here has names of several sources")]
#[path = "../../crates/larder/src/names.rs"]
mod names;
#[expect(dead_code, reason = "positions stand for times here")]
#[path = "../../crates/larder/src/stamps/mod.rs"]
mod stamps;

mod chance;
pub mod models;
mod runtime;
mod schedules;
mod shim;

pub use schedules::check;
