//! HTTP caching rules as pure functions.

pub mod fields;
pub mod key;
