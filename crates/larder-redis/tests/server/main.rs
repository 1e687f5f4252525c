//! The tier on real servers. Tests that find no server on this machine say so and end.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod entries;
mod log;
mod support;
