//! [`RedisTier`] on Redis, on Valkey, and on a cluster.

use std::sync::Arc;

use larder_redis::RedisTier;
use larder_servers::{Cluster, Redis, Valkey};

use crate::stand::{Limits, Node, Stand};

/// What the log is called, by default.
const LOG: &str = "larder1::{log}";

pub(crate) struct OnRedis(Redis);

pub(crate) struct OnValkey(OnRedis);

pub(crate) struct OnCluster(Cluster);

impl Stand for OnRedis {
    const LIMITS: Limits = Limits::NONE;

    async fn set_up() -> Option<Self> {
        Some(Self(Redis::start_or_skip().await?))
    }

    async fn node(&self) -> Node {
        Arc::new(RedisTier::connect(self.0.url()).await.unwrap())
    }

    async fn forget_log(&self) {
        assert_eq!(self.0.command(&["DEL", LOG]).await, "1");
    }

    async fn trim_log(&self, keep: usize) -> bool {
        let keep = keep.to_string();
        self.0.command(&["XTRIM", LOG, "MAXLEN", &keep]).await;
        true
    }

    async fn flush(&self) {
        self.0.command(&["FLUSHALL"]).await;
    }
}

impl Stand for OnValkey {
    const LIMITS: Limits = OnRedis::LIMITS;

    async fn set_up() -> Option<Self> {
        Some(Self(OnRedis(Valkey::start_or_skip().await?)))
    }

    async fn node(&self) -> Node {
        self.0.node().await
    }

    async fn forget_log(&self) {
        self.0.forget_log().await;
    }

    async fn trim_log(&self, keep: usize) -> bool {
        self.0.trim_log(keep).await
    }

    async fn flush(&self) {
        self.0.flush().await;
    }
}

impl Stand for OnCluster {
    const LIMITS: Limits = Limits::NONE;

    async fn set_up() -> Option<Self> {
        Some(Self(Cluster::start_or_skip().await?))
    }

    async fn node(&self) -> Node {
        let tier = RedisTier::cluster(self.0.urls()).connect();
        Arc::new(tier.await.unwrap())
    }

    async fn forget_log(&self) {
        let master = self.0.master_of(LOG).await;
        assert_eq!(master.command(&["DEL", LOG]).await, "1");
    }

    async fn trim_log(&self, keep: usize) -> bool {
        let master = self.0.master_of(LOG).await;
        let keep = keep.to_string();
        master.command(&["XTRIM", LOG, "MAXLEN", &keep]).await;
        true
    }

    async fn flush(&self) {
        for node in self.0.nodes() {
            // A replica does as its master did.
            drop(node.try_command(&["FLUSHALL"]).await);
        }
    }
}
