//! What a node does for its fleet for as long as its cache is there, whoever asks it for something meanwhile.
//!
//! ```text
//! purge ─▶ stamps ─▶ outbox ─▶ append ─▶ log ─▶ follow, on each node ─▶ stamps
//! fill ─▶ memory ─▶ writes ─▶ write ─▶ store ─▶ fetch ahead, on each node that does
//! ```
//!
//! What it knows, and what waits to be done, stands in its [`Fleet`](crate::fleet::Fleet).

mod announce;
mod append;
mod fetch_ahead;
mod follow;
mod write;

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::cache::Cache;

/// Begins the work, if something is shared.
pub(crate) fn start(cache: &Cache) {
    let Some(fleet) = &cache.shared().fleet else {
        return;
    };
    let runtime = Handle::try_current().ok();
    let Some(runtime) = runtime.filter(|_| cache.shared().timer.works()) else {
        tracing::error!(
            target: "larder",
            "a cache that shares a store has to be built within a tokio runtime with timers (enable_time, or enable_all): nothing is shared"
        );
        return;
    };
    fleet.set_started();
    runtime.spawn(follow::follow(cache.weak(), Arc::clone(fleet)));
    runtime.spawn(append::append(cache.weak(), Arc::clone(fleet)));
    if let Some(works) = fleet.writes.begin() {
        runtime.spawn(write::write(cache.weak(), Arc::clone(fleet), works));
    }
    if fleet.ahead.is_some() {
        runtime.spawn(fetch_ahead::fetch_ahead(cache.weak(), Arc::clone(fleet)));
    }
    runtime.spawn(announce::announce(cache.weak(), Arc::clone(fleet)));
}
