use std::time::Duration;

use larder_servers::{Kind, Redis, RedisOptions, Valkey, until};
use tokio::net::TcpStream;

async fn each(options: impl Fn(RedisOptions) -> RedisOptions) -> Vec<Redis> {
    let mut servers = Vec::new();
    for kind in [Kind::Redis, Kind::Redis62, Kind::Valkey] {
        servers.extend(options(Redis::options().kind(kind)).start_or_skip().await);
    }
    servers
}

#[tokio::test]
async fn a_server_answers_at_its_address() {
    for server in each(|options| options).await {
        assert_eq!(server.command(&["SET", "key", "a value"]).await, "OK");
        assert_eq!(server.command(&["GET", "key"]).await, "a value");
        assert_eq!(server.command(&["GET", "other"]).await, "(nil)");
        assert_eq!(server.command(&["KEYS", "*"]).await, "key");
        let port = server.command(&["CONFIG", "GET", "port"]).await;
        assert_eq!(port, format!("port\n{}", server.port()));
        TcpStream::connect(server.addr()).await.unwrap();
        let error = server.try_command(&["NOTHING"]).await.unwrap_err();
        assert!(error.to_string().contains("unknown command"), "{error}");
    }
}

#[tokio::test]
async fn the_program_is_the_one_asked_for() {
    let Some(valkey) = Valkey::start_or_skip().await else {
        return;
    };
    let info = valkey.command(&["INFO", "server"]).await;
    assert!(info.contains("valkey_version"), "{info}");
}

#[tokio::test]
async fn a_killed_server_comes_back_empty_at_its_address() {
    for server in each(|options| options).await {
        server.command(&["SET", "key", "value"]).await;
        server.kill();
        assert!(!server.runs());
        assert!(TcpStream::connect(server.addr()).await.is_err());
        assert!(server.try_command(&["PING"]).await.is_err());
        server.restart().await;
        TcpStream::connect(server.addr()).await.unwrap();
        assert_eq!(server.command(&["GET", "key"]).await, "(nil)");
    }
}

#[tokio::test]
async fn a_durable_server_comes_back_with_all_it_had() {
    for server in each(RedisOptions::durable).await {
        server.command(&["SET", "key", "value"]).await;
        server.restart().await;
        assert_eq!(server.command(&["GET", "key"]).await, "value");
    }
}

#[tokio::test]
async fn a_paused_server_keeps_its_connections_and_says_nothing() {
    for server in each(|options| options).await {
        server.pause();
        TcpStream::connect(server.addr()).await.unwrap();
        let ping = server.try_command(&["PING"]);
        let silence = tokio::time::timeout(Duration::from_millis(300), ping).await;
        assert!(silence.is_err());
        server.resume();
        assert_eq!(server.command(&["PING"]).await, "PONG");
    }
}

#[tokio::test]
async fn a_paused_server_can_be_restarted() {
    for server in each(|options| options).await {
        server.pause();
        server.restart().await;
        assert_eq!(server.command(&["PING"]).await, "PONG");
    }
}

#[tokio::test]
async fn who_knows_no_password_is_sent_away() {
    for server in each(|options| options.password("secret")).await {
        assert!(
            server
                .url()
                .starts_with("redis://default:secret@127.0.0.1:")
        );
        assert_eq!(server.command(&["ACL", "WHOAMI"]).await, "default");
        assert!(greeting(&server).await.starts_with("-NOAUTH"));
    }
    for server in each(|options| options.user("larder", "secret")).await {
        assert!(server.url().starts_with("redis://larder:secret@127.0.0.1:"));
        assert_eq!(server.command(&["ACL", "WHOAMI"]).await, "larder");
        assert!(greeting(&server).await.starts_with("-NOAUTH"));
    }
}

#[tokio::test]
async fn memory_is_limited() {
    for server in each(|options| options.max_memory(2 << 20, "allkeys-lru")).await {
        let value = "x".repeat(100_000);
        for key in 0..100 {
            server.command(&["SET", &key.to_string(), &value]).await;
        }
        let keys: usize = server.command(&["DBSIZE"]).await.parse().unwrap();
        assert!((1..30).contains(&keys), "{keys}");
    }
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_folder() {
    for server in each(|options| options).await {
        let folder = server.command(&["CONFIG", "GET", "dir"]).await;
        let folder = folder.strip_prefix("dir\n").unwrap();
        assert!(std::fs::exists(folder).unwrap());
        let addr = server.addr();
        server.pause();
        drop(server);
        assert!(!std::fs::exists(folder).unwrap());
        assert!(TcpStream::connect(addr).await.is_err());
    }
}

#[tokio::test]
#[should_panic(expected = "nonsense")]
async fn a_server_that_does_not_start_says_why() {
    let server = Redis::options().line("nonsense yes").start_or_skip().await;
    // What a machine without it has to say for the test to pass.
    assert!(server.is_some(), "nonsense");
}

#[tokio::test]
async fn where_somebody_was_faster_to_take_the_port_another_is_tried() {
    let Some(other) = Redis::start_or_skip().await else {
        return;
    };
    let port = format!("port {}", other.port());
    let launch = tokio::spawn(Redis::options().line(&port).start());
    let error = launch.await.unwrap_err().into_panic();
    let error = error.downcast::<&str>().unwrap();
    assert_eq!(*error, "ten ports were free and then were not");
}

#[tokio::test]
#[should_panic(expected = "not within 50ms: a thing that never is")]
async fn waiting_has_an_end() {
    until(
        "a thing that never is",
        Duration::from_millis(50),
        || async { None::<()> },
    )
    .await;
}

/// What the server says to a stranger.
async fn greeting(server: &Redis) -> String {
    crate::proxy::talk(server.addr(), b"PING\r\n")
        .await
        .unwrap()
}
