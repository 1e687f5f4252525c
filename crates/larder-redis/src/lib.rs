//! crate docs to be written

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod builder;
mod check;
#[cfg(feature = "cluster")]
mod cluster;
mod connect_error;
mod dial;
mod entries;
mod keeper;
mod keys;
mod link;
mod log;
mod place;
mod reply;
mod script;
mod tier;
#[cfg(feature = "tls")]
mod tls;
mod wire;

pub use self::builder::RedisTierBuilder;
pub use self::connect_error::{ConnectError, ConnectErrorKind};
pub use self::tier::RedisTier;
