//! [`MemcachedTier`] on one server.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use larder_memcached::MemcachedTier;
use larder_servers::Memcached;

use crate::stand::{Limits, Node, Stand};

/// What everything is called, by default.
const NAMESPACE: &str = "larder1";

pub(crate) struct OnMemcached(Memcached);

impl OnMemcached {
    /// The position of the newest record.
    async fn newest(&self) -> u64 {
        let counter = self.0.command(&format!("get {NAMESPACE}:inv\r\n")).await;
        counter.lines().nth(1).unwrap().trim().parse().unwrap()
    }

    async fn forget_records(&self, positions: Range<u64>) {
        let delete = positions.map(|at| format!("delete {NAMESPACE}:r:{at}\r\n"));
        self.0.command(&delete.collect::<String>()).await;
    }
}

impl Stand for OnMemcached {
    const LIMITS: Limits = Limits {
        tick: Duration::from_secs(1),
        // So often a value is read again that changes under the hands.
        puts_at_once: 4,
        positions_are_times: false,
        waits: false,
        ..Limits::NONE
    };

    async fn set_up() -> Option<Self> {
        Some(Self(Memcached::start_or_skip().await?))
    }

    async fn node(&self) -> Node {
        Arc::new(
            MemcachedTier::connect([self.0.addr().to_string()])
                .await
                .unwrap(),
        )
    }

    async fn forget_log(&self) {
        let newest = self.newest().await;
        self.forget_records(newest - 100..newest + 1).await;
        let deleted = self.0.command(&format!("delete {NAMESPACE}:inv\r\n")).await;
        assert_eq!(deleted, "DELETED\r\n");
    }

    async fn trim_log(&self, keep: usize) -> bool {
        if keep == 0 {
            // The newest record is never lost without a trace.
            return false;
        }
        let oldest = self.newest().await + 1 - u64::try_from(keep).unwrap();
        self.forget_records(oldest - 100..oldest).await;
        true
    }

    async fn flush(&self) {
        assert_eq!(self.0.command("flush_all\r\n").await, "OK\r\n");
    }
}
