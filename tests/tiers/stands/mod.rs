//! The stores that there are.

mod fake;
mod memcached;
mod redis;

pub(crate) use fake::OnFake;
pub(crate) use memcached::OnMemcached;
pub(crate) use redis::{OnCluster, OnRedis, OnValkey};
