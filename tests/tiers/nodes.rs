//! Nodes tell one another that they are there.

use larder::shared::{LogPosition, Node as Announced, NodeId};

use crate::kit::{MINUTE, at, until};
use crate::stand::{Node, Stand};

async fn nodes(node: &Node) -> Vec<(NodeId, LogPosition)> {
    let nodes = node.nodes().await.unwrap();
    let mut nodes = nodes
        .into_iter()
        .map(|Announced { id, applied }| (id, applied))
        .collect::<Vec<_>>();
    nodes.sort_unstable();
    nodes
}

pub(crate) async fn nodes_know_of_one_another_and_how_far_each_has_read(stand: &impl Stand) {
    let (here, there) = (stand.node().await, stand.node().await);
    assert_eq!(nodes(&here).await, []);
    let (one, two) = (NodeId::from_bits(1), NodeId::from_bits(u64::MAX));
    here.announce(one, at(5), MINUTE).await.unwrap();
    assert_eq!(nodes(&there).await, [(one, at(5))]);
    let far = LogPosition::from_bits(u64::MAX - 1);
    there.announce(two, far, MINUTE).await.unwrap();
    here.announce(one, at(6), MINUTE).await.unwrap();
    for node in [&here, &there] {
        assert_eq!(nodes(node).await, [(one, at(6)), (two, far)]);
    }
    // What it had read may be lost, and it begins anew.
    there
        .announce(two, LogPosition::START, MINUTE)
        .await
        .unwrap();
    assert_eq!(
        nodes(&here).await,
        [(one, at(6)), (two, LogPosition::START)]
    );
}

pub(crate) async fn a_node_that_announces_itself_no_more_is_gone<S: Stand>(stand: &S) {
    let (here, there) = (stand.node().await, stand.node().await);
    let (stays, goes) = (NodeId::from_bits(1), NodeId::from_bits(2));
    here.announce(stays, at(5), MINUTE).await.unwrap();
    // The last word counts, be it shorter.
    there.announce(goes, at(5), MINUTE).await.unwrap();
    there.announce(goes, at(6), S::LIMITS.tick).await.unwrap();
    until("it is gone", async || {
        nodes(&here).await == [(stays, at(5))]
    })
    .await;
    there.announce(goes, at(7), MINUTE).await.unwrap();
    assert_eq!(nodes(&here).await, [(stays, at(5)), (goes, at(7))]);
}
