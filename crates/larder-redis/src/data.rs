//! [`Data`]: the server that a key is on.

use larder::shared::StoreError;
use redis::{Cmd, Pipeline, Value};

use crate::cluster::Cluster;
use crate::connect_error::ConnectError;
use crate::link::Link;
use crate::reply;
use crate::script::Script;

/// One server, or a cluster. All keys of a request are in one slot, so any of them says where it goes.
pub(crate) enum Data {
    One(Link),
    Cluster(Cluster),
}

impl Data {
    /// What the server of a key answers, unless it refuses.
    pub(crate) async fn send(&self, key: &str, cmd: &Cmd) -> Result<Value, StoreError> {
        reply::answered(self.answer(key, cmd).await?)
    }

    /// What it answers to several requests that go together, each by itself.
    pub(crate) async fn send_all(
        &self,
        key: &str,
        all: &Pipeline,
    ) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::One(link) => link.send_all(all).await,
            Self::Cluster(cluster) => cluster.send_all(key, all).await,
        }
    }

    /// What a script returns. The first of its keys says where it runs.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<Value, StoreError> {
        let key = keys.first().copied().unwrap_or_default();
        let mut answer = self.answer(key, &script.call(keys, args)).await?;
        if matches!(&answer, Value::ServerError(error) if error.code() == "NOSCRIPT") {
            answer = self.answer(key, &script.call_in_full(keys, args)).await?;
        }
        reply::answered(answer)
    }

    /// Waits for the first connection to the server of a key, or the first try that failed.
    pub(crate) async fn first(&self, key: &str) -> Result<(), ConnectError> {
        match self {
            Self::One(link) => link.first().await,
            Self::Cluster(cluster) => cluster.first(key).await,
        }
    }

    async fn answer(&self, key: &str, cmd: &Cmd) -> Result<Value, StoreError> {
        match self {
            Self::One(link) => link.send(cmd).await,
            Self::Cluster(cluster) => cluster.send(key, cmd).await,
        }
    }
}
