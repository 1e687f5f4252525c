//! Servers of HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use larder_servers::{HttpServer, until};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn workers_of_nginx_end_with_their_handle() {
    let Some(server) = nginx().await else {
        return;
    };
    let address = server.addr();
    drop(server);
    // A worker that is left would accept.
    until("nobody listens", PATIENCE, || async {
        TcpStream::connect(address).await.is_err().then_some(())
    })
    .await;
}

#[tokio::test]
async fn processor_time_counts_workers() {
    let Some(server) = nginx().await else {
        return;
    };
    if !cfg!(target_os = "linux") {
        return;
    }
    let start = server.processor_time();
    until("its workers have worked", PATIENCE, || async {
        for _ in 0..100 {
            let response = server.get("/").await.expect("a response");
            assert!(response.starts_with("HTTP/1.1 502"), "{response}");
        }
        (server.processor_time() > start).then_some(())
    })
    .await;
}

/// In front of nobody. `None` where this machine has none; only a bench needs it.
async fn nginx() -> Option<HttpServer> {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let server = HttpServer::nginx(nobody, 1, "", "/").await;
    if server.is_none() {
        eprintln!("SKIPPED: nginx is missing");
    }
    server
}
