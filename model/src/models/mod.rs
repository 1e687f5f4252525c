//! The models. Each is one run, from its start until all that took part is gone.

mod budget;
mod buffer;
mod content;
mod exchange;
mod feed;
mod fills;
mod flights;
mod ledger;
mod plan;
mod pumping;
mod purges;
mod reading;
mod story;

pub use budget::reservations;
pub use buffer::{bodies, desertion, release, stall};
pub use fills::fills;
pub use flights::{election, flights};
pub use purges::purges;
