//! The time by the clock of the server.
//!
//! A server says its time in whole seconds, and counts them once in each. So a node's own clock is more
//! exact as long as it agrees with the server to within that: it is used then, and corrected otherwise.
//! The clocks of the nodes should agree.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::lock::lock;
use crate::client::{Client, Command, Route, stat};

/// How far the clock of the server is away from that of this node.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ahead: Mutex<Option<(Instant, Ahead)>>,
}

/// What is to be added to this node's clock, or taken away from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ahead {
    by: Duration,
    behind: Duration,
}

impl Ahead {
    fn of(server_seconds: u64, own: Duration) -> Self {
        // In the middle of what it can mean.
        let server = Duration::from_secs(server_seconds) + Duration::from_secs(1);
        if server.abs_diff(own) <= ALLOWED {
            return Self::default();
        }
        Self {
            by: server.saturating_sub(own),
            behind: own.saturating_sub(server),
        }
    }
}

impl Clock {
    /// The time. Asks the server for it once in a while; if it does not say, what it said last counts.
    pub(super) async fn now(&self, client: &Client, route: Route<'_>) -> SystemTime {
        let known = *lock(&self.ahead);
        let ahead = match known {
            Some((at, ahead)) if at.elapsed() < ASK_EVERY => ahead,
            _ => {
                let asked = ask(client, route).await;
                let ahead = asked
                    .or_else(|| known.map(|(_, ahead)| ahead))
                    .unwrap_or_default();
                *lock(&self.ahead) = Some((Instant::now(), ahead));
                ahead
            }
        };
        let now = since_epoch()
            .saturating_add(ahead.by)
            .saturating_sub(ahead.behind);
        SystemTime::UNIX_EPOCH
            .checked_add(now)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

async fn ask(client: &Client, route: Route<'_>) -> Option<Ahead> {
    let stats = vec![Command::stats()];
    let lines = client.exchange_all(route, stats).await.ok()?;
    let seconds = stat(&lines, b"time")?;
    Some(Ahead::of(seconds, since_epoch()))
}

pub(super) fn since_epoch() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}

/// What a clock that counts whole seconds cannot tell apart, and a little more.
const ALLOWED: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_agrees_is_left_alone_and_another_is_corrected() {
        let own = Duration::from_secs(1_000_000);
        assert_eq!(Ahead::of(1_000_001, own), Ahead::default());
        assert_eq!(Ahead::of(999_998, own), Ahead::default());
        assert_eq!(Ahead::of(1_000_009, own).by, Duration::from_secs(10));
        assert_eq!(Ahead::of(999_989, own).behind, Duration::from_secs(10));
    }
}
