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
//! # Running the server
//!
//! **How much memory.** A response takes its body, its header fields, about 400 bytes that the cache and the
//! server add, and what the allocator rounds up (41 bytes of JSON with a few fields: 552 bytes), for as long as
//! it is fresh, and for its longest stale window or a minute. The log takes 5.4 MB for 100,000 purges of one name each, and 7.4 MB with three names
//! ([`retain_purges`](RedisTierBuilder::retain_purges)). So `maxmemory` is responses times their size, twice
//! the log, and a quarter more. Too little memory costs hits, and nothing else.
//!
//! **Which `maxmemory-policy`.**
//!
//! | | when memory is full |
//! |---|---|
//! | `volatile-lru`, `volatile-lfu` | old responses go, the log stays: what is wanted |
//! | `volatile-ttl`, `volatile-random` | the same, with a worse choice of what goes |
//! | `noeviction` | nothing more is stored until something expires, and no purge: they wait on their own nodes, and the others, which hear from the log as ever, know nothing of them |
//! | `allkeys-*` | the log may go, and then everything is fetched anew: [refused](ConnectErrorKind::Eviction) at the start |
//!
//! A server with other tenants whose keys do not expire can be full of those: give the cache one of its own.
//!
//! **Persistence** is not needed: `save ""` and `appendonly no`. A server that comes back with a snapshot
//! has the log of then; if purges are missing in it that is noticed, as an empty log is, and everything is
//! fetched anew.
//!
//! **Sentinels.** A failover loses what the replica had not yet got. Responses are fetched again; purges of
//! the last 10 seconds are appended again by the nodes that made them, when they see the new master. What
//! [`wait_replicas`](RedisTierBuilder::wait_replicas) adds is for a node that dies in the same moment; it
//! makes each purge as slow as the replicas. `min-replicas-to-write 1` keeps a master that was cut off from
//! taking purges that nobody will see.
//!
//! **Clusters.** Responses are spread, the log is in one slot, `{log}`. When its node is gone, nodes hear no
//! purges until a replica takes over, and responses on other nodes are read as ever. More nodes make room
//! for more responses, not for more purges.
//!
//! **What to watch**, in [`larder::Cache::shared_stats`] or the metric `larder_shared_total{what}`:
//!
//! | | says |
//! |---|---|
//! | `hit` against `miss` | what the store is worth; memory hits of the nodes are not among them |
//! | `failed`, `skipped` growing | the server is slow or gone, and requests wait for it in vain, or no more: see `SLOWLOG GET`, `LATENCY DOCTOR`, the network |
//! | `log-failed` growing, [`queued_purges`](larder::SharedStats::queued_purges) above 0 for longer than seconds | purges reach nobody: look at this first |
//! | `log-restarted`, `log-skipped` | the log was lost, or is too short for the time that a node was away: a wave of fetches follows |
//! | `dropped`, `write-lost` | the server takes less than nodes store, is full, or was away |
//! | `unreadable` | other software writes there, nodes have different secrets, or a new version is being rolled out |
//! | `dead` | what is purged soon after it is stored; many mean that a tag is too broad |
//!
//! On the server `evicted_keys`, `used_memory` and `connected_clients` tell the rest: each node has two
//! connections, three with `wait_replicas`, and in a cluster one for each master beside that for the log.
//!
//! **After an incident** nothing has to be repaired by hand: connections, the log and the waiting purges come
//! back by themselves. `FLUSHALL` is harmless, and as dear as a cold start. If it is not certain that purges
//! reached everybody (a failover while a node died), purge everything once, from any node:
//! `cache.purge(Purge::everything())`.
//!
//! # What it costs
//!
//! | | round trips |
//! |---|---|
//! | to read a response | one: a `GET`, or two that go together where the response has variants |
//! | to read and find nothing, and get the lease | two: the same, and a script |
//! | everything else | one: a script |
//!
//! All requests of a tier share one connection per server, and purges are waited
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
mod plan;
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
