use std::time::Duration;

use larder_servers::Memcached;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_server_answers_and_a_killed_one_comes_back_empty() {
    let Some(server) = Memcached::options().memory(16).start_or_skip().await else {
        return;
    };
    assert_eq!(server.command("ms key 5\r\nvalue\r\n").await, "HD\r\n");
    assert_eq!(server.command("mg key v\r\n").await, "VA 5\r\nvalue\r\n");
    let settings = server.command("stats settings\r\n").await;
    assert!(
        settings.contains("STAT maxbytes 16777216\r\n"),
        "{settings}"
    );
    server.kill();
    assert!(TcpStream::connect(server.addr()).await.is_err());
    server.restart().await;
    assert_eq!(server.command("mg key v\r\n").await, "EN\r\n");
}

#[tokio::test]
async fn a_paused_server_keeps_its_connections_and_says_nothing() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    server.pause();
    TcpStream::connect(server.addr()).await.unwrap();
    let version = server.try_command("version\r\n");
    let silence = tokio::time::timeout(Duration::from_millis(300), version).await;
    assert!(silence.is_err());
    server.resume();
    assert!(server.command("version\r\n").await.starts_with("VERSION "));
}
