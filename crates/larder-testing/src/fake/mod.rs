//! [`FakeStore`]: a shared store within the process, and what can go wrong with one.

mod calls;
mod counts;
mod journal;
mod link;
mod news;
mod shelf;
mod state;
mod store;
mod way;

pub use counts::Counts;
pub use link::{FakeLink, FakeSide, Side};
pub use store::{FakeStore, Snapshot};
