//! What a start finds wrong, and how it says so.

use std::time::Duration;

use larder_redis::{ConnectError, ConnectErrorKind, RedisTier};
use larder_servers::{Redis, until};
use tokio::net::TcpListener;

use crate::support::{PATIENCE, at, key, put};

async fn wrong(url: impl Into<String>) -> ConnectError {
    RedisTier::connect(url).await.unwrap_err()
}

fn assert_says(error: &ConnectError, kind: ConnectErrorKind, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn an_address_where_nobody_is() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let error = wrong(format!("redis://:hunter2@{addr}")).await;
    let place = format!("redis://{addr}");
    assert_says(
        &error,
        ConnectErrorKind::Unreachable,
        &[&place, "check host and port", "refused"],
    );
    let error = wrong("redis://no-such-host.invalid").await;
    assert_says(
        &error,
        ConnectErrorKind::Unreachable,
        &["no-such-host.invalid:6379"],
    );
    let error = wrong("redis+unix:///no/such/socket").await;
    assert_says(&error, ConnectErrorKind::Unreachable, &["/no/such/socket"]);
}

#[tokio::test]
async fn somebody_who_does_not_answer_or_is_no_redis() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let tier = RedisTier::builder(&url).connect_timeout(Duration::from_millis(100));
    let error = tier.connect().await.unwrap_err();
    assert_says(
        &error,
        ConnectErrorKind::Unreachable,
        &[&url, "within 100ms"],
    );

    let other = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (mut stream, _) = silent.accept().await.unwrap();
            let _ = stream.read(&mut [0; 64]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_says(
        &wrong(&url).await,
        ConnectErrorKind::Protocol,
        &[&url, "no Redis", "rediss://"],
    );
    other.abort();
}

#[tokio::test]
async fn settings_that_cannot_be() {
    assert_says(
        &wrong("http://x").await,
        ConnectErrorKind::Setting,
        &["redis://user:password@"],
    );
    for braces in ["a{b", "a}b", "a\nb"] {
        let error = RedisTier::builder("redis://x")
            .namespace(braces)
            .connect_lazily();
        assert_says(
            &error.unwrap_err(),
            ConnectErrorKind::Setting,
            &["namespace", "no braces"],
        );
        let error = RedisTier::builder("redis://x")
            .prefix(braces)
            .connect()
            .await;
        assert_says(&error.unwrap_err(), ConnectErrorKind::Setting, &["prefix"]);
    }
    let none: [&str; 0] = [];
    let error = RedisTier::cluster(none).connect().await.unwrap_err();
    assert_says(&error, ConnectErrorKind::Setting, &["no node"]);
    let error = RedisTier::sentinel(none, "x").connect().await.unwrap_err();
    assert_says(&error, ConnectErrorKind::Setting, &["no sentinel"]);
}

#[tokio::test]
async fn a_password_that_is_missing_or_wrong() {
    let Some(server) = Redis::options().password("right").start_or_skip().await else {
        return;
    };
    let addr = server.addr();
    let kind = ConnectErrorKind::Authentication;
    let error = wrong(format!("redis://{addr}")).await;
    assert_says(&error, kind, &[&addr.to_string(), "wants a password"]);
    let error = wrong(format!("redis://:hunter2@{addr}")).await;
    assert_says(&error, kind, &["`default`", "password", "ACL LIST"]);
    let error = wrong(format!("redis://nobody:hunter2@{addr}")).await;
    assert_says(&error, kind, &["`nobody`"]);
    let tier = RedisTier::builder(format!("redis://:hunter2@{addr}")).credentials(None, "right");
    tier.connect().await.unwrap();
    let tier = RedisTier::builder(format!("redis://{addr}")).credentials(Some("default"), "right");
    tier.connect().await.unwrap();
}

#[tokio::test]
async fn a_password_where_there_is_none() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let error = wrong(format!("redis://:hunter2@{}", server.addr())).await;
    assert_says(
        &error,
        ConnectErrorKind::Authentication,
        &["no password set", "leave the password out"],
    );
    let error = wrong(format!("redis://{}/99", server.addr())).await;
    assert_says(&error, ConnectErrorKind::Setting, &["no database 99"]);
    let url = format!("redis://{}/99", server.addr());
    let tier = RedisTier::builder(url).database(3).connect().await.unwrap();
    larder::shared::EntryStore::put(&tier, &put(key(1), at(1)))
        .await
        .unwrap();
    assert!(
        server
            .command(&["INFO", "keyspace"])
            .await
            .contains("db3:keys=1")
    );
}

#[tokio::test]
async fn a_user_who_may_not() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let acl = async |rules: &[&str]| {
        let user = ["ACL", "SETUSER", "cache", "reset", "on", ">hunter2"];
        server.command(&[&user, rules].concat()).await;
    };
    let url = format!("redis://cache:hunter2@{}", server.addr());
    let kind = ConnectErrorKind::Permission;
    acl(&["~larder1:*", "+@all", "-xadd", "-evalsha", "-eval"]).await;
    let words = [
        "`cache`",
        "may not run xadd, eval, evalsha",
        "ACL SETUSER cache +xadd +eval +evalsha",
    ];
    assert_says(&wrong(&url).await, kind, &words);
    acl(&["~other:*", "+@all"]).await;
    assert_says(
        &wrong(&url).await,
        kind,
        &["keys that begin with \"larder1::\"", "~larder1::*"],
    );
    // What the documentation says is enough.
    acl(&["~larder1:*", "resetchannels", "-@all"]).await;
    let grants: Vec<&str> = larder_redis::ACL_COMMANDS.split(' ').collect();
    acl(&[&["~larder1:*", "-@all"], &grants[..]].concat()).await;
    let tier = RedisTier::connect(&url).await.unwrap();
    crate::entries::everything(&tier).await;
}

#[tokio::test]
async fn a_server_that_may_drop_the_log() {
    for policy in ["allkeys-lru", "allkeys-random"] {
        let server = Redis::options().max_memory(100_000_000, policy);
        let Some(server) = server.start_or_skip().await else {
            return;
        };
        let words = [policy, "volatile-lru", "allow_eviction"];
        assert_says(
            &wrong(server.url()).await,
            ConnectErrorKind::Eviction,
            &words,
        );
        let tier = RedisTier::builder(server.url()).allow_eviction(true);
        tier.connect().await.unwrap();
        for policy in ["noeviction", "volatile-ttl", "volatile-lfu"] {
            server
                .command(&["CONFIG", "SET", "maxmemory-policy", policy])
                .await;
            RedisTier::connect(server.url()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_replica() {
    let Some(master) = Redis::start_or_skip().await else {
        return;
    };
    let port = master.port();
    let replica = Redis::options().line(&format!("replicaof 127.0.0.1 {port}"));
    let replica = replica.start().await;
    until("the replica follows", PATIENCE, async || {
        let info = replica.command(&["INFO", "replication"]).await;
        info.contains("master_link_status:up").then_some(())
    })
    .await;
    let words = ["is a replica", "master's address", "RedisTier::sentinel"];
    assert_says(
        &wrong(replica.url()).await,
        ConnectErrorKind::ReadOnly,
        &words,
    );
    // Also if it does not tell.
    let silent = [
        "ACL", "SETUSER", "cache", "on", ">hunter2", "~*", "+@all", "-info",
    ];
    replica.command(&silent).await;
    let error = wrong(format!("redis://cache:hunter2@{}", replica.addr())).await;
    assert_says(&error, ConnectErrorKind::ReadOnly, &words);
}

#[tokio::test]
async fn one_server_where_a_cluster_is_meant_and_the_reverse() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let kind = ConnectErrorKind::Mode;
    let error = RedisTier::cluster([server.url()])
        .connect()
        .await
        .unwrap_err();
    assert_says(
        &error,
        kind,
        &["no node of a cluster", "RedisTier::connect"],
    );
    let error = RedisTier::sentinel([server.url()], "x")
        .connect()
        .await
        .unwrap_err();
    assert_says(&error, kind, &["no sentinel", "26379"]);
    // A node of a cluster that has no slots yet.
    let node = Redis::options().line("cluster-enabled yes").start().await;
    assert_says(
        &wrong(node.url()).await,
        kind,
        &["belongs to a cluster", "RedisTier::cluster"],
    );
    let error = RedisTier::cluster([node.url()])
        .connect()
        .await
        .unwrap_err();
    assert_says(
        &error,
        ConnectErrorKind::ClusterDown,
        &["no node of the cluster has the slot", "CLUSTER INFO"],
    );
    // It has the slots of the log, but not all.
    let slots: Vec<String> = (0..16_000).map(|slot| slot.to_string()).collect();
    let slots = slots.iter().map(String::as_str);
    let add: Vec<&str> = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots).collect();
    node.command(&add).await;
    let error = RedisTier::cluster([node.url()])
        .connect()
        .await
        .unwrap_err();
    assert_says(
        &error,
        ConnectErrorKind::ClusterDown,
        &["is down", "CLUSTER INFO"],
    );
}
