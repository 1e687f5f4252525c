//! [`Wire`]: a connection, to one server or to a cluster.

use larder::shared::StoreError;
use redis::aio::MultiplexedConnection;
#[cfg(feature = "cluster")]
use redis::{aio::ConnectionLike as _, cluster_async::ClusterConnection};
use redis::{Cmd, Pipeline, RedisResult, Value};

use crate::reply;

/// A connection that many use at once. A request whose future is dropped is answered all the same, to
/// nobody.
#[derive(Clone)]
pub(crate) enum Wire {
    One(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(ClusterConnection),
}

impl Wire {
    /// What the server answers; that may be [`Value::ServerError`].
    pub(crate) async fn send(&mut self, cmd: &Cmd) -> Result<Value, StoreError> {
        let sent = match self {
            Self::One(connection) => connection.send_packed_command(cmd).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(cmd).await,
        };
        answer(sent)
    }

    /// What the server answers to several requests that go together; each may be
    /// [`Value::ServerError`].
    pub(crate) async fn send_all(&mut self, all: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let sent = match self {
            Self::One(connection) => connection.send_packed_commands(all, 0, all.len()).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_commands(all, 0, all.len()).await,
        };
        sent.map_err(reply::failure)
    }
}

/// That the server refuses is an answer.
fn answer(sent: RedisResult<Value>) -> Result<Value, StoreError> {
    sent.or_else(|error| match error.clone().into_server_errors().as_deref() {
        Some([(_, error), ..]) => Ok(Value::ServerError(error.clone())),
        _ => Err(reply::failure(error)),
    })
}
