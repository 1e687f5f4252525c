//! A shared store for [`larder`] on Redis or Valkey: what one node of a fleet has stored all can use, what
//! one purges is purged on all, and what several want at once is fetched once.
//!
//! ```no_run
//! use larder::Cache;
//! use larder_redis::RedisTier;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tier = RedisTier::connect("redis://localhost:6379").await?;
//! let cache = Cache::builder().shared(tier).build();
//! # Ok(())
//! # }
//! ```
//!
//! | | connects to |
//! |---|---|
//! | [`RedisTier::connect`], [`RedisTier::builder`] | one server; a URL can say all that it needs |
//! | [`RedisTier::sentinel`] | the master that sentinels know, wherever it is |
//! | [`RedisTier::cluster`] | all masters of a cluster |
//!
//! ```no_run
//! use std::time::Duration;
//! # use larder_redis::RedisTier;
//!
//! # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! let tier = RedisTier::sentinel(["redis://s1:26379", "redis://s2:26379"], "mymaster")
//!     .credentials(Some("cache"), "secret")
//!     .namespace("shop")
//!     .wait_replicas(1, Duration::from_millis(50))
//!     .connect()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What the server has to be
//!
//! Redis 5 or later, or Valkey. A start looks at it and says what is wrong and what to change; see
//! [`ConnectErrorKind`].
//!
//! - **Memory.** Set `maxmemory`, and `maxmemory-policy volatile-lru` (or `volatile-lfu`): all responses
//!   expire, and the log of purges does not, so it stays when memory is short. A policy of `allkeys-*` may
//!   drop the log; the cache notices, and fetches everything anew. A value takes about 150 bytes beside its
//!   own, plus what the server's allocator rounds up (a value of 2,000 bytes 2,152, one of 2,048 bytes
//!   2,664).
//! - **Disk.** Nothing has to be kept. A server that comes back empty has lost the log, and everything is
//!   fetched anew.
//! - **Users.** What a user has to be allowed is [`ACL_COMMANDS`], on keys that begin with the prefix.
//! - **Trust.** Whoever can write to the server can write what clients are served; see
//!   [`larder::SharedSettings`] for signatures.
//!
//! # Purges
//!
//! Purges go into a stream that all nodes read. A purge is lost only if the server loses what it had
//! confirmed: in a failover, if no replica had it yet ([`RedisTierBuilder::wait_replicas`] makes that
//! unlikely). A server that lost the whole log, or went back in time, is noticed, and everything that was
//! stored before is fetched anew.
//!
//! # When the server is gone
//!
//! Nothing waits for it: while there is no connection, calls fail within microseconds. Connections are
//! made again in the background, 20 milliseconds to 1 second apart. One that broke is seen at once, and one
//! whose server says nothing any more within 3 seconds; how long requests wait until then is the
//! cache's own deadline. In a cluster a node that is gone holds up only what is on that node.
//!
//! # What it costs
//!
//! A read is one `GET`, or two that go together where the response has variants; everything else is one
//! script: one round trip. All requests of a tier share one connection per server, and purges are waited
//! for on another. Reading a value of 2 KiB costs what it costs with the client alone: 1.04 times as long
//! one at a time, and the same with 128 in flight (`examples/cost.rs`, the server on the same machine of two
//! cores, 2026-11).
//!
//! # Features
//!
//! | | |
//! |---|---|
//! | `tls` | `rediss://`, by rustls: with the crypto provider that the application installed for its process, else with ring |
//! | `bridge` | `RedisTier::bridge`: purges that others publish on a channel |
//!
//! No type of a client library is part of this crate's own.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod acl;
mod address;
#[cfg(feature = "bridge")]
mod bridge;
mod builder;
mod check;
mod cluster;
mod connect_error;
mod data;
mod dial;
mod entries;
#[cfg(feature = "bridge")]
mod heard;
mod keeper;
mod keys;
mod link;
mod log;
#[cfg(feature = "bridge")]
mod message;
#[cfg(feature = "bridge")]
mod news;
mod nodes;
mod place;
mod redirect;
mod reply;
mod script;
mod slots;
mod tier;
#[cfg(feature = "tls")]
mod tls;

pub use self::acl::ACL_COMMANDS;
#[cfg(feature = "bridge")]
#[cfg_attr(docsrs, doc(cfg(feature = "bridge")))]
pub use self::bridge::{Bridge, BridgeCounts};
pub use self::builder::RedisTierBuilder;
pub use self::connect_error::{ConnectError, ConnectErrorKind};
pub use self::tier::RedisTier;
