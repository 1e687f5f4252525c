//! Real servers for tests: Redis, Valkey and memcached, alone, under sentinels or as a cluster, and
//! a proxy that breaks the way to them. For benches, servers of HTTP: nginx and Varnish as caches, and
//! programs of one's own.
//!
//! Each server listens on a free port of the loopback interface, keeps its files in a folder of its
//! own, and is killed and its folder removed when its handle is dropped. What goes wrong in starting
//! one is a panic with the server's log.
//!
//! ```no_run
//! # async fn test() {
//! use larder_servers::{Proxy, Redis};
//!
//! let Some(redis) = Redis::start_or_skip().await else {
//!     return;
//! };
//! let proxy = Proxy::to(redis.addr()).await;
//! redis.command(&["SET", "key", "value"]).await;
//! proxy.cut().await;
//! redis.restart().await;
//! # }
//! ```
//!
//! | Where a server is looked for, in this order | |
//! |---|---|
//! | `LARDER_REDIS_BIN`, `LARDER_VALKEY_BIN`, `LARDER_MEMCACHED_BIN` | path of the binary |
//! | `LARDER_NGINX_BIN`, `LARDER_VARNISH_BIN`, `LARDER_WRK_BIN` | the same, of benches |
//! | `target/servers/bin` of the workspace | where `cargo xtask test` installs what is missing |
//! | `PATH` | |
//!
//! A test that starts with `start_or_skip` is skipped where the server is missing, which it says
//! with a line that begins with `SKIPPED`, and fails there if `CI` or `LARDER_REQUIRE_SERVERS` is
//! set: no skipped test looks passed where it counts.

mod binaries;
mod certificates;
mod cluster;
mod family;
mod http_server;
mod memcached;
mod ports;
mod process;
mod proxy;
mod redis;
mod resp;
mod sentinels;
mod until;

pub use binaries::{Kind, available, command};
pub use cluster::Cluster;
pub use http_server::HttpServer;
pub use memcached::{Memcached, MemcachedOptions};
pub use proxy::Proxy;
pub use redis::{Redis, RedisOptions, Valkey};
pub use sentinels::Sentinels;
pub use until::until;
