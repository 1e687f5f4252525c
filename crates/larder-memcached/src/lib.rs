//! A shared tier for [larder](larder) on Memcached.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod client;
mod entries;
mod error;
mod log;
mod names;
mod seconds;
mod settings;
mod tier;

pub use self::builder::MemcachedTierBuilder;
pub use self::error::{ConnectError, ConnectErrorKind};
pub use self::tier::MemcachedTier;
