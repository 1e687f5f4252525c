//! The tier on real servers. Tests that find no server on this machine say so and end.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[cfg(feature = "bridge")]
mod bridge;
mod cluster;
mod entries;
mod fleet;
mod leases;
mod log;
mod outage;
mod sentinel;
mod settings;
mod start;
mod support;
#[cfg(feature = "tls")]
mod tls;
