//! Fetching ahead what other nodes have just stored.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::cache::Shared;
use crate::fleet::counts::Did;
use crate::fleet::{Fleet, limited};
use crate::shared::{EntryKey, News, Wish};

const PAUSE: Duration = Duration::from_secs(1);
/// Whoever listens looks whether the cache is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// As long as the cache is there.
pub(super) async fn fetch_ahead(cache: Weak<Shared>, fleet: Arc<Fleet>) {
    while cache.strong_count() > 0 {
        match limited(fleet.entries.listen(), fleet.settings.write_within).await {
            Ok(Some(news)) => hear(&cache, &fleet, news).await,
            Ok(None) => {
                tracing::warn!(target: "larder", "the shared store cannot tell of what is written: nothing is fetched ahead");
                return;
            }
            Err(error) => {
                tracing::debug!(target: "larder", %error, "nobody tells of what others write");
            }
        }
        sleep(PAUSE).await;
    }
}

async fn hear(cache: &Weak<Shared>, fleet: &Arc<Fleet>, mut news: Box<dyn News>) {
    let mut next = news.next();
    while cache.strong_count() > 0 {
        match timeout(LOOK_EVERY, &mut next).await {
            Ok(Ok(key)) => {
                fetch(fleet, key);
                drop(next);
                next = news.next();
            }
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
}

fn fetch(fleet: &Arc<Fleet>, key: EntryKey) {
    let place = fleet.ahead.as_ref().and_then(|ahead| ahead.place_for(&key));
    let Some(place) = place else { return };
    let fleet = Arc::clone(fleet);
    tokio::spawn(async move {
        let found = || fleet.entries.get(&key, Wish::Read);
        if let Ok(found) = fleet.ask(found, fleet.settings.read_within).await
            && let Some(ahead) = &fleet.ahead
        {
            fleet.counts.add(Did::FetchedAhead);
            ahead.keep(key, found);
        }
        drop(place);
    });
}
