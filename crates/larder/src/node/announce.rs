//! Telling the others that this node is there, and how far it has read.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::cache::Shared;
use crate::fleet::{Fleet, limited};

/// At most so often.
const NOT_WITHIN: Duration = Duration::from_millis(5);

/// As long as the cache is there.
pub(super) async fn announce(cache: Weak<Shared>, fleet: Arc<Fleet>) {
    let bound = fleet.settings.bound;
    while cache.strong_count() > 0 {
        if fleet.is_ready() {
            let told = fleet.log.announce(fleet.node, fleet.applied(), bound * 2);
            let told = limited(told, bound / 4).await;
            if let Err(error) = told {
                tracing::debug!(target: "larder", %error, "this node could not be announced");
            }
        }
        sleep(NOT_WITHIN).await;
        let _ = timeout(bound / 2, fleet.news.notified()).await;
    }
}
