//! The test kit of `larder-testing`: each of its tests finds a planted bug and is silent without it.

mod app;
mod calls;
mod fake_link;
mod fake_store;
mod key_cover;
mod key_cover_limits;
mod layer_order;
mod no_leak;
