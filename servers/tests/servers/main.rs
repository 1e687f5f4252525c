//! The servers start, answer, die, come back and stand still; and so do the ways to them.

mod http;
mod memcached;
mod proxy;
mod redis;
mod several;
mod skipping;
