//! The client that the tier uses, by itself.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo};

/// A connection as the tier has it.
pub async fn connect(url: &str) -> MultiplexedConnection {
    let info = url.into_connection_info().expect("a URL");
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(tcp)).expect("a client");
    let settings = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(1024)
        .set_write_backpressure_boundary(64 * 1024);
    let connection = client.get_multiplexed_async_connection_with_config(&settings);
    connection.await.expect("a connection")
}

/// The length of what stands under a name.
pub async fn get(mut connection: MultiplexedConnection, name: String) -> usize {
    let mut get = redis::cmd("GET");
    let got: Vec<u8> = get
        .arg(name)
        .query_async(&mut connection)
        .await
        .expect("a value");
    got.len()
}
