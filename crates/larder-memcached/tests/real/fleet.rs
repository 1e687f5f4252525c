//! Which nodes are there.

use std::time::Duration;

use larder::shared::{InvalidationLog, LogPosition, Node, NodeId};
use larder_memcached::MemcachedTier;

use crate::{at, start, tier};

async fn announce(tier: &MemcachedTier, id: u64, applied: LogPosition, lasts: u64) {
    let lasts = Duration::from_millis(lasts);
    tier.announce(NodeId::from_bits(id), applied, lasts)
        .await
        .expect("an answer");
}

async fn nodes(tier: &MemcachedTier) -> Vec<Node> {
    let mut nodes = tier.nodes().await.expect("an answer");
    nodes.sort_unstable_by_key(|node| node.id);
    nodes
}

#[tokio::test]
async fn nodes_that_announce_themselves_at_once_are_all_there() {
    let Some((server, first)) = start().await else {
        return;
    };
    let second = tier(&server).await;
    assert_eq!(nodes(&first).await, []);
    tokio::join!(
        announce(&first, 1, at(10), 60_000),
        announce(&second, 2, at(20), 60_000),
        announce(&first, 3, at(30), 60_000),
        announce(&second, 4, at(40), 60_000),
    );
    announce(&first, 1, at(11), 60_000).await;
    let applied: Vec<_> = nodes(&second)
        .await
        .iter()
        .map(|node| node.applied)
        .collect();
    assert_eq!(applied, [at(11), at(20), at(30), at(40)]);
}

#[tokio::test]
async fn a_node_that_says_nothing_more_is_gone() {
    let Some((server, tier)) = start().await else {
        return;
    };
    announce(&tier, 1, at(1), 1).await;
    announce(&tier, 2, at(1), 600_000).await;
    larder_servers::until("it is gone", Duration::from_secs(20), || async {
        (nodes(&tier).await.len() == 1).then_some(())
    })
    .await;
    // It leaves the list when the next one comes.
    announce(&tier, 3, at(1), 600_000).await;
    let list = server.command("mg larder1:nodes v\r\n").await;
    assert!(!list.contains(&NodeId::from_bits(1).to_string()), "{list}");
    assert!(list.contains(&NodeId::from_bits(3).to_string()), "{list}");
}

#[tokio::test]
async fn an_empty_list_kept_all_nodes_from_being_listed() {
    let Some((server, tier)) = start().await else {
        return;
    };
    server.command("ms larder1:nodes 0\r\n\r\n").await;
    announce(&tier, 1, at(1), 60_000).await;
    assert_eq!(nodes(&tier).await.len(), 1);
}

#[tokio::test]
async fn a_list_that_was_evicted_comes_back() {
    let Some((server, tier)) = start().await else {
        return;
    };
    announce(&tier, 1, at(1), 60_000).await;
    server.command("md larder1:nodes\r\n").await;
    assert_eq!(nodes(&tier).await, []);
    announce(&tier, 1, at(1), 60_000).await;
    assert_eq!(nodes(&tier).await.len(), 1);
}
