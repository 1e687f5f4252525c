//! crate docs to be written

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
mod keeper;
mod keys;
mod link;
mod log;
#[cfg(feature = "bridge")]
mod message;
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
