//! A shared tier for [`larder`] on Memcached: stored responses for all nodes of a fleet, and the log that
//! carries purges to them.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use larder_memcached::{ConnectError, MemcachedTier};
//! # async fn example() -> Result<(), ConnectError> {
//! let tier = MemcachedTier::connect(["10.0.0.5:11211", "10.0.0.6:11211"]).await?;
//!
//! // The same with settings.
//! let tier = MemcachedTier::builder()
//!     .add_servers(["10.0.0.5:11211", "10.0.0.6:11211"])
//!     .namespace("shop")
//!     .poll_every(Duration::from_millis(100))
//!     .connect()
//!     .await?;
//! # drop(tier);
//! # Ok(())
//! # }
//! ```
//!
//! It needs memcached 1.6 or later, for its meta commands; nothing else has to be set there. There is no
//! TLS and no authentication: whoever can reach the servers can read and change what is stored, so they
//! belong into a network of their own.
//!
//! # What it costs
//!
//! | | exchanges with the server |
//! |---|---|
//! | to read a response | one, with all its tags and its variant |
//! | to read and find nothing, and get the lease | two |
//! | to store | two; the first transfers what stands there |
//! | to drop one response | one; two while it is being filled |
//! | a purge | two |
//! | to ask for purges | one, four times a second; two when there are some |
//!
//! There is one connection to each server, on which all requests go at once. A request without a
//! connection fails at once, and connecting goes on in the background.
//!
//! # How soon a purge is seen
//!
//! Memcached cannot push: each node asks, by default every 250 ms
//! ([`poll_every`](MemcachedTierBuilder::poll_every)). So on other nodes a purge counts after that time and
//! one exchange; after 250 ms more ([`gap_wait`](MemcachedTierBuilder::gap_wait)) if a node dies
//! while it purges something else. That is weaker than Redis, which tells all nodes within a millisecond.
//!
//! # What Memcached may lose
//!
//! Everything, at any time, and no response becomes wrong by it. Records of purges are items like all
//! others. When one that a node has not read is evicted, or a server starts anew, nodes notice that there is
//! something they do not know, and drop what they have: the price is a cold cache, not a stale one. So give
//! the servers memory enough that records are not evicted within seconds; the log and its counter are
//! touched by each poll.
//!
//! Memcached counts in whole seconds. What is to last for some time lasts as long, and up to two seconds
//! longer: values, and leases whose holder died.
//!
//! The clocks of the nodes should agree, as ages are measured by them. A server's clock corrects them only
//! where they are more than two seconds away from it, because it counts whole seconds.
//!
//! # Several servers
//!
//! Each response stands on one of them, chosen by the hash of its key and the spelling of the addresses
//! (highest random weight), so that a server that comes or goes moves only its share. While there is no
//! connection to a server its responses go to the next in that order. Nodes may disagree for a moment about
//! which servers are there; then there are two copies of a response, each of which tells when it was born, so
//! a purge concerns both.
//!
//! The log stands on one server, chosen by the hash of the namespace, and nowhere else: two nodes with two
//! logs would not hear of each other's purges. While that server cannot be reached there are no purges from
//! other nodes, and the cache trusts what it has for as long as it was told to.
//!
//! # Responses larger than an item
//!
//! A server stores items up to 1 MiB unless it is started with another `-I`, and a response needs some
//! hundred bytes more than its body. What is larger is refused, without being sent
//! ([`Refused`](larder::shared::StoreErrorKind::Refused)); it is served and kept in memory as ever.
//! [`connect`](MemcachedTierBuilder::connect) warns if the limit is below what the cache stores.

mod builder;
mod client;
mod entries;
mod error;
mod log;
mod names;
mod seconds;
mod settings;
mod shared;
mod tier;

pub use self::builder::MemcachedTierBuilder;
pub use self::error::{ConnectError, ConnectErrorKind};
pub use self::tier::MemcachedTier;
