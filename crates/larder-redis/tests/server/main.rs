//! The tier on real servers. Tests that find no server on this machine say so and end.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod cluster;
mod entries;
mod log;
mod outage;
mod sentinel;
mod start;
mod support;
#[cfg(feature = "tls")]
mod tls;
