//! Which nodes are there.
//!
//! Each node has an item that expires by the clock of the server, so that no clocks are compared. Memcached
//! cannot list items: the numbers of all nodes stand in one item, which is changed by version, and only when
//! a node comes that is not in it. Who is in it and has no item is gone, and leaves it at that time.

use std::time::Duration;

use larder::shared::{LogPosition, Node, NodeId, StoreError, StoreErrorKind};

use crate::client::{Answer, Command, number};
use crate::seconds::expiry;
use crate::shared::Shared;

/// Tells that a node is there.
pub(crate) async fn announce(
    shared: &Shared,
    node: NodeId,
    applied: LogPosition,
    lasts: Duration,
) -> Result<(), StoreError> {
    let value = applied.bits().to_string();
    let set = Command::set(shared.names.node(node), value.into(), expiry(lasts));
    let list = Command::get(shared.names.nodes());
    let [set, list] = shared
        .client
        .exchange(shared.log_route(), [set, list])
        .await?;
    set.is_done()?;
    let mut list = list.found();
    for _ in 0..ATTEMPTS {
        let known = list.as_ref().map(ids).unwrap_or_default();
        if known.contains(&node) {
            return Ok(());
        }
        let there = present(shared, &known)
            .await?
            .into_iter()
            .map(|node| node.id);
        let text: Vec<_> = there
            .take(MOST_NODES - 1)
            .chain([node])
            .map(|id| id.to_string())
            .collect();
        let set = Command::set(shared.names.nodes(), text.join(" ").into(), NEVER);
        let set = match &list {
            Some(list) => set.where_version(list.cas),
            None => set.where_absent(),
        };
        let again = Command::get(shared.names.nodes());
        let [set, again] = shared
            .client
            .exchange(shared.log_route(), [set, again])
            .await?;
        set.is_done()?;
        list = again.found();
    }
    let what = "the list of nodes changed each time it was about to be written";
    Err(StoreError::new(StoreErrorKind::Refused, what))
}

/// The nodes that are there.
pub(crate) async fn nodes(shared: &Shared) -> Result<Vec<Node>, StoreError> {
    let list = Command::get(shared.names.nodes());
    let [list] = shared.client.exchange(shared.log_route(), [list]).await?;
    let known = list.found().as_ref().map(ids).unwrap_or_default();
    present(shared, &known).await
}

async fn present(shared: &Shared, known: &[NodeId]) -> Result<Vec<Node>, StoreError> {
    let get = |id: &NodeId| Command::get(shared.names.node(*id));
    let commands = known.iter().map(get).collect();
    let answers = shared
        .client
        .exchange_all(shared.log_route(), commands)
        .await?;
    let applied = |answer: Answer| number(&answer.found()?.value?).map(LogPosition::from_bits);
    let nodes = known.iter().zip(answers).filter_map(|(id, answer)| {
        let applied = applied(answer)?;
        Some(Node { id: *id, applied })
    });
    Ok(nodes.collect())
}

/// The numbers in the list. What is none is left out.
fn ids(list: &Answer) -> Vec<NodeId> {
    let text = list.value.as_deref().unwrap_or_default();
    let id = |text: &[u8]| {
        let text = str::from_utf8(text).ok()?;
        u64::from_str_radix(text, 16).ok().map(NodeId::from_bits)
    };
    text.split(|byte| *byte == b' ')
        .filter_map(id)
        .take(MOST_NODES)
        .collect()
}

const ATTEMPTS: usize = 8;
/// More are not listed.
const MOST_NODES: usize = 1024;
/// An item that does not expire.
const NEVER: u32 = 0;
