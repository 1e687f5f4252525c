//! Fifty nodes on one server. How long it takes is measured by the example `fleet`.

use std::time::Duration;

use futures_util::future::join_all;
use larder::{Cache, Purge};
use larder_servers::{Kind, Redis};
use larder_tests::get;

use crate::app::{App, Service};
use crate::node::send;
use crate::on_both;
use crate::servers::Way;

const NODES: usize = 50;
const CLIENTS: usize = 20;
const PURGES: usize = 40;
/// Whatever else the machine does.
const LONG: Duration = Duration::from_secs(20);

on_both!([
    a_purge_reaches_each_of_fifty_nodes
    a_thousand_clients_of_fifty_nodes_cause_one_call
]);

struct Many {
    _server: Redis,
    app: App,
    nodes: Vec<(Cache, Service)>,
}

async fn many(kind: Kind, takes: Duration) -> Option<Many> {
    let server = Redis::options().kind(kind).start_or_skip().await?;
    let app = App::new(takes);
    let caches = (0..NODES).map(|_| {
        let way = Way::redis(server.url()).with(|settings| {
            settings
                .bound(LONG)
                .lease_for(LONG)
                .lease_within(LONG)
                .read_within(LONG)
                .write_within(LONG)
        });
        way.cache()
    });
    let caches = join_all(caches).await;
    let nodes: Vec<_> = caches
        .into_iter()
        .map(|cache| (cache.clone(), app.behind(&cache)))
        .collect();
    for (cache, _) in &nodes {
        larder_servers::until("a node has read the log", LONG, || async {
            cache.is_joined().then_some(())
        })
        .await;
    }
    let _server = server;
    Some(Many {
        _server,
        app,
        nodes,
    })
}

async fn a_purge_reaches_each_of_fifty_nodes(kind: Kind) {
    let Some(many) = many(kind, Duration::ZERO).await else {
        return;
    };
    let applied = |cache: &Cache| cache.shared_stats().unwrap().applied();
    let before: Vec<_> = many.nodes.iter().map(|(cache, _)| applied(cache)).collect();
    for number in 0..PURGES {
        let path = format!("/{number}");
        let (cache, _) = &many.nodes[number % NODES];
        many.app.change(&path);
        let receipt = cache.purge(Purge::tag(&path[1..])).await.unwrap();
        assert_eq!(receipt.everywhere(LONG).await, Ok(NODES));
    }
    for (number, ((cache, _), before)) in many.nodes.iter().zip(before).enumerate() {
        let own = usize::from(number < PURGES) as u64;
        assert_eq!(
            applied(cache) - before,
            PURGES as u64 - own,
            "node {number}"
        );
    }
}

async fn a_thousand_clients_of_fifty_nodes_cause_one_call(kind: Kind) {
    let Some(many) = many(kind, Duration::from_millis(150)).await else {
        return;
    };
    let asked = many.nodes.iter().flat_map(|(_, service)| {
        (0..CLIENTS).map(|_| tokio::spawn(send(service.clone(), get("/cold"))))
    });
    let replies = join_all(asked).await;
    assert_eq!(replies.len(), NODES * CLIENTS);
    for reply in replies {
        assert_eq!(reply.unwrap().text(), "/cold 1");
    }
    assert_eq!(many.app.calls(), 1);
}
