//! The way between a node and the server breaks, or one of them stands still.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use larder::Clock;
use larder_servers::{Kind, Proxy, Redis};
use larder_tests::get;

use crate::app::App;
use crate::node::{Node, send};
use crate::on_both;
use crate::scene::Scene;
use crate::servers::{BOUND, Way};

/// Longer than any node may go on without a word.
const OUTAGE: Duration = Duration::from_millis(1500);

on_both!([
    a_server_that_stands_still
    a_node_that_stands_still
    one_node_is_cut_off
    one_node_hears_nothing
    all_nodes_are_cut_off
    a_server_that_is_slow
    what_is_heard_while_a_request_looks_does_not_vouch_for_what_it_saw_before
]);

async fn scene(kind: Kind) -> Option<(Redis, Scene)> {
    let server = Redis::options().kind(kind).start_or_skip().await?;
    let way = |_, addr| Way::redis(server.url_at(addr));
    let scene = Scene::through_proxies(server.addr(), way).await;
    Some((server, scene))
}

/// Serves nothing as fresh after the bound, as long as it is blind; but before and afterwards it does.
fn is_blind(scene: &Scene, node: usize, from: Instant, to: Instant) {
    let (answers, fresh) = scene.fresh(node, from + BOUND + BOUND / 4, to);
    assert!(answers > 20, "only {answers} while it was blind");
    // What it fetched itself is fresh for the bound; what others asked it for in it are few.
    assert!(fresh < answers, "{fresh} of {answers}");
}

/// Something goes wrong, and later right again; meanwhile a node hears nothing.
async fn outage(
    scene: &Scene,
    blind: usize,
    begins: impl AsyncFnOnce(&Scene),
    ends: impl AsyncFnOnce(&Scene),
) {
    scene
        .play(async |scene| {
            let from = Instant::now();
            begins(scene).await;
            scene.go_on(OUTAGE).await;
            is_blind(scene, blind, from, Instant::now());
            ends(scene).await;
        })
        .await;
}

async fn a_server_that_stands_still(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    let (begins, ends) = (
        async |_: &Scene| server.pause(),
        async |_: &Scene| server.resume(),
    );
    outage(&scene, 0, begins, ends).await;
    assert!(scene.sum(|stats| stats.failures() + stats.skipped()) > 0);
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
    assert_eq!(scene.breaks(), 0);
}

async fn a_node_that_stands_still(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            let still = scene.stop(1).await;
            scene.go_on(OUTAGE).await;
            scene.go(still);
        })
        .await;
    assert_eq!(scene.breaks(), 0);
}

async fn one_node_is_cut_off(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            let from = Instant::now();
            scene.nodes[1].proxy().cut().await;
            scene.go_on(OUTAGE).await;
            is_blind(scene, 1, from, Instant::now());
            // The others are not.
            assert!(scene.fresh(0, from + BOUND, Instant::now()).1 > 0);
            assert!(scene.stats(1).queued_purges() > 0);
            scene.nodes[1].proxy().heal().await;
        })
        .await;
    assert!(scene.stats(1).failures() > 0 && scene.stats(1).log_failures() > 0);
    assert_eq!(scene.breaks(), 0);
}

async fn one_node_hears_nothing(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    let begins = async |scene: &Scene| scene.nodes[2].proxy().freeze();
    let ends = async |scene: &Scene| scene.nodes[2].proxy().thaw();
    outage(&scene, 2, begins, ends).await;
    assert!(scene.stats(2).failures() > 0 && scene.stats(2).log_failures() > 0);
    assert_eq!(scene.breaks(), 0);
}

async fn all_nodes_are_cut_off(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    let begins = async |scene: &Scene| {
        for node in &scene.nodes {
            node.proxy().cut().await;
        }
    };
    let ends = async |scene: &Scene| {
        for node in &scene.nodes {
            node.proxy().heal().await;
        }
    };
    outage(&scene, 3, begins, ends).await;
    for node in 0..scene.nodes.len() {
        assert!(scene.stats(node).log_failures() > 0);
    }
    assert_eq!(scene.breaks(), 0);
}

async fn a_server_that_is_slow(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            let from = Instant::now();
            for node in &scene.nodes {
                node.proxy().delay(Duration::from_secs(2));
            }
            scene.go_on(2 * OUTAGE).await;
            is_blind(scene, 0, from, Instant::now());
            for node in &scene.nodes {
                node.proxy().delay(Duration::ZERO);
            }
        })
        .await;
    assert!(scene.sum(|stats| stats.failures() + stats.skipped()) > 0);
}

/// At one of the moments at which a request asks for the time its node comes back, and hears of a purge.
async fn what_is_heard_while_a_request_looks_does_not_vouch_for_what_it_saw_before(kind: Kind) {
    let Some(server) = Redis::options().kind(kind).start_or_skip().await else {
        return;
    };
    let app = App::new(Duration::ZERO);
    let other = Node::start(&app, Way::redis(server.url()), None).await;
    for moment in 1..=4 {
        let proxy = Arc::new(Proxy::to(server.addr()).await);
        let countdown = Arc::new(AtomicUsize::new(0));
        let cache = Arc::new(OnceLock::<larder::Cache>::new());
        let clock = {
            let (proxy, countdown, cache) = (proxy.clone(), countdown.clone(), cache.clone());
            let own = thread::current().id();
            Clock::from_fn(move || {
                if thread::current().id() == own
                    && countdown.load(Ordering::SeqCst) > 0
                    && countdown.fetch_sub(1, Ordering::SeqCst) == 1
                {
                    proxy.thaw();
                    hear(cache.get().unwrap());
                }
                SystemTime::now()
            })
        };
        let way = Way::redis(server.url_at(proxy.addr())).clock(clock);
        let node = Node::start(&app, way, None).await;
        let _ = cache.set(node.cache.clone());
        let path = format!("/{moment}");
        node.get(&path).await;
        proxy.freeze();
        app.change(&path);
        other.purge(&path).await.unwrap();
        tokio::time::sleep(BOUND + BOUND / 2).await;
        countdown.store(moment, Ordering::SeqCst);
        let reply = send(node.service.clone(), get(&path)).await;
        countdown.store(0, Ordering::SeqCst);
        assert_eq!(
            reply.text(),
            format!("{path} 2"),
            "{}",
            reply.field("cache-status")
        );
    }
}

/// Returns when the node has heard of a purge, and then the end of the log.
fn hear(cache: &larder::Cache) {
    let until = Instant::now() + Duration::from_secs(10);
    while cache.shared_stats().unwrap().applied() == 0 {
        assert!(Instant::now() < until, "the node does not come back");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(BOUND / 10);
}
