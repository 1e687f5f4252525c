//! Appending own purges to the log, as often as it takes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::cache::Shared;
use crate::fleet::counts::Did;
use crate::fleet::{Fleet, limited};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Whoever waits looks whether the cache is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// As long as the cache is there, or somebody waits for its last purges.
pub(super) async fn append(cache: Weak<Shared>, fleet: Arc<Fleet>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(sending) = fleet.outbox.next() else {
            if cache.strong_count() == 0 {
                return;
            }
            let _ = timeout(LOOK_EVERY, fleet.outbox.wake.notified()).await;
            continue;
        };
        let within = fleet.settings.write_within;
        match limited(fleet.log.append(&sending.record), within).await {
            Ok(position) => {
                pause = FIRST_PAUSE;
                fleet.counts.add(Did::Appended);
                fleet.outbox.appended(sending, position);
            }
            Err(error) => {
                fleet.counts.add(Did::LogFailed);
                tracing::debug!(target: "larder", %error, "a purge could not be appended to the log yet");
                fleet.outbox.put_back(sending);
                if cache.strong_count() == 0 && fleet.trust.silence() > fleet.settings.bound * 4 {
                    return;
                }
                sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(fleet.settings.bound / 4);
            }
        }
    }
}
