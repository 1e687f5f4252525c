//! [`Scene`]: nodes whose clients ask all the time, while what they ask for is changed and purged on one node
//! or another, and something breaks. Meanwhile everything is written down, and afterwards the
//! [oracle](Oracle) looks whether
//!
//! - a node served something older than a purge of its own that had returned before,
//! - a node served something as fresh that is older than a purge that had been acknowledged one bound before,
//! - a request failed, or waited for the store longer than it was told to,
//!
//! and the scene whether the fleet is one again: what one node stores is the others', and a purge reaches
//! all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use larder::SharedStats;
use larder_servers::{Proxy, until};
use larder_tests::get;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::ServiceExt;

use crate::app::{App, Service};
use crate::node::{Node, Stopped};
use crate::oracle::{Answer, Change, Oracle};
use crate::servers::{BOUND, Way};

const NODES: usize = 4;
const CLIENTS: usize = 3;
const PATHS: [&str; 6] = ["/a", "/b", "/c", "/d", "/e", "/f"];
/// How long the handler takes.
const TAKES: Duration = Duration::from_millis(10);
/// Time for what should happen before and after.
const WHILE: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) nodes: Vec<Node>,
    pub(crate) oracle: Arc<Oracle>,
    /// That one purges nothing for now.
    quiet: [AtomicBool; NODES],
    over: Arc<AtomicBool>,
    /// The first node begins the log.
    breaks_before: u64,
}

/// A node that does not run.
pub(crate) struct Still {
    node: usize,
    since: Instant,
    stopped: Stopped,
}

impl Scene {
    /// Each node on its own way, by its number.
    pub(crate) async fn new(mut way: impl FnMut(usize) -> Way) -> Self {
        let app = App::new(TAKES);
        let mut nodes = Vec::new();
        for number in 0..NODES {
            nodes.push(Node::start(&app, way(number), None).await);
        }
        Self::of(app, nodes)
    }

    /// Each node through a proxy of its own.
    pub(crate) async fn through_proxies(
        server: std::net::SocketAddr,
        mut way: impl FnMut(usize, std::net::SocketAddr) -> Way,
    ) -> Self {
        let app = App::new(TAKES);
        let mut nodes = Vec::new();
        for number in 0..NODES {
            let proxy = Proxy::to(server).await;
            let way = way(number, proxy.addr());
            nodes.push(Node::start(&app, way, Some(proxy)).await);
        }
        Self::of(app, nodes)
    }

    fn of(app: App, nodes: Vec<Node>) -> Self {
        let mut scene = Self {
            app,
            nodes,
            oracle: Arc::default(),
            quiet: Default::default(),
            over: Arc::default(),
            breaks_before: 0,
        };
        scene.breaks_before = scene.breaks();
        scene
    }

    /// How often a node found that it could not go on where it was in the log.
    pub(crate) fn breaks(&self) -> u64 {
        self.sum(|stats| stats.log_restarts() + stats.log_skips()) - self.breaks_before
    }

    /// Lets something happen while clients ask and things change, and looks at what came of it.
    pub(crate) async fn play(&self, happens: impl AsyncFnOnce(&Self)) {
        self.play_apart(happens).await;
        self.is_one_again().await;
    }

    /// The same, of nodes that do not understand one another afterwards.
    pub(crate) async fn play_apart(&self, happens: impl AsyncFnOnce(&Self)) {
        let mut clients = JoinSet::new();
        for (number, node) in self.nodes.iter().enumerate() {
            for _ in 0..CLIENTS {
                let (oracle, over) = (Arc::clone(&self.oracle), Arc::clone(&self.over));
                let client = ask(number, node.service.clone(), oracle, over);
                clients.spawn_on(client, &node.handle);
            }
        }
        let story = async {
            sleep(WHILE).await;
            happens(self).await;
            sleep(WHILE).await;
            self.over.store(true, Ordering::SeqCst);
        };
        tokio::join!(story, self.change());
        clients.join_all().await;
        let lags: Vec<_> = self.nodes.iter().map(Node::lag).collect();
        self.oracle.check(TAKES, &lags);
    }

    /// For so long.
    pub(crate) async fn go_on(&self, time: Duration) {
        sleep(time).await;
    }

    /// A node cannot reach the server for longer than it may go on without.
    pub(crate) async fn cut_off(&self, node: usize) {
        let proxy = self.nodes[node].proxy();
        proxy.cut().await;
        sleep(2 * BOUND).await;
        proxy.heal().await;
    }

    /// Stops a node.
    pub(crate) async fn stop(&self, node: usize) -> Still {
        self.quiet[node].store(true, Ordering::SeqCst);
        let since = Instant::now();
        let stopped = self.nodes[node].stop().await;
        Still {
            node,
            since,
            stopped,
        }
    }

    pub(crate) fn go(&self, still: Still) {
        drop(still.stopped);
        self.oracle.stopped(still.node, still.since);
        self.quiet[still.node].store(false, Ordering::SeqCst);
    }

    /// Of one node.
    pub(crate) fn stats(&self, node: usize) -> SharedStats {
        self.nodes[node].cache.shared_stats().unwrap()
    }

    /// Of all nodes.
    pub(crate) fn sum(&self, count: impl Fn(&SharedStats) -> u64) -> u64 {
        (0..NODES).map(|node| count(&self.stats(node))).sum()
    }

    /// So many answers between two moments, of a node, and so many of them fresh hits.
    pub(crate) fn fresh(&self, node: usize, from: Instant, to: Instant) -> (usize, usize) {
        let answers = self.oracle.answers(from, to);
        let of_node = answers.iter().filter(|answer| answer.node == node);
        let fresh = of_node.clone().filter(|answer| answer.is_fresh()).count();
        (of_node.count(), fresh)
    }

    /// Changes and purges something on some node, again and again.
    async fn change(&self) {
        let mut told = JoinSet::new();
        while !self.over.load(Ordering::SeqCst) {
            let (node, path) = (
                fastrand::usize(..NODES),
                PATHS[fastrand::usize(..PATHS.len())],
            );
            if !self.quiet[node].load(Ordering::SeqCst) {
                self.change_on(node, path, &mut told);
            }
            sleep(Duration::from_millis(fastrand::u64(10..50))).await;
        }
    }

    fn change_on(&self, node: usize, path: &str, told: &mut JoinSet<()>) {
        let version = self.app.change(path);
        let receipt = self.nodes[node].purge(path);
        let number = self.oracle.changed(Change {
            node,
            path: path.to_owned(),
            version,
            purged: Instant::now(),
            acknowledged: None,
        });
        let oracle = Arc::clone(&self.oracle);
        let acknowledged = async move {
            while receipt.clone().await.is_err() {}
            oracle.acknowledged(number);
        };
        told.spawn_on(acknowledged, &self.nodes[node].handle);
    }

    /// A purge reaches all, and what one has stored is the others', under each path.
    async fn is_one_again(&self) {
        for path in PATHS {
            until("the nodes are a fleet again", PATIENCE, || async {
                let by = fastrand::usize(..NODES);
                let version = self.app.change(path);
                let receipt = self.nodes[by].purge(path).await.ok()?;
                let all = receipt.everywhere(Duration::from_secs(2)).await;
                if all != Ok(NODES) {
                    return None;
                }
                let first = fastrand::usize(..NODES);
                self.nodes[first].get(path).await;
                self.is_shared(path, version, first).await
            })
            .await;
        }
    }

    /// Once it is written; whoever asks before fetches by himself, and writes too.
    async fn is_shared(&self, path: &str, version: u64, first: usize) -> Option<()> {
        let own = format!("{path} {version}");
        sleep(Duration::from_millis(30)).await;
        for (number, node) in self.nodes.iter().enumerate() {
            let (body, how) = node.told(path).await;
            assert_eq!(
                body, own,
                "on node {number}, after a purge that was everywhere"
            );
            if number != first && !how.ends_with("detail=shared") {
                return None;
            }
        }
        Some(())
    }
}

async fn ask(node: usize, service: Service, oracle: Arc<Oracle>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        let path = PATHS[fastrand::usize(..PATHS.len())];
        let began = Instant::now();
        let (version, how) = answer(&service, path).await;
        oracle.answered(Answer {
            node,
            path: path.to_owned(),
            version,
            how,
            began,
            took: began.elapsed(),
        });
        sleep(Duration::from_millis(fastrand::u64(1..6))).await;
    }
}

async fn answer(service: &Service, path: &str) -> (Option<u64>, String) {
    let response = match service.clone().oneshot(get(path)).await {
        Ok(response) => response,
        Err(error) => return (None, error.to_string()),
    };
    let reply = larder_tests::Reply::read(response).await;
    let (how, body) = (reply.field("cache-status").to_owned(), reply.text());
    let version = body
        .strip_prefix(path)
        .and_then(|rest| rest.trim_start().parse().ok());
    match version {
        Some(version) if reply.status == 200 => (Some(version), how),
        _ => (None, format!("{} {body:?} {how}", reply.status)),
    }
}
