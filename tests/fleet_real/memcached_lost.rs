//! What a log on Memcached can lose while the server goes on: records, the counter, everything by and by; or
//! it takes nothing more.

use std::time::Duration;

use larder_servers::{Memcached, MemcachedOptions, until};

use crate::scene::Scene;
use crate::servers::{BOUND, Way};

const COUNTER: &str = "larder1:inv";
const PATIENCE: Duration = Duration::from_secs(20);

async fn scene(options: MemcachedOptions) -> Option<(Memcached, Scene)> {
    let server = options.start_or_skip().await?;
    let scene = Scene::through_proxies(server.addr(), |_, addr| Way::memcached(addr)).await;
    Some((server, scene))
}

/// Where the newest record stands.
async fn newest(server: &Memcached) -> u64 {
    number(&server.command(&format!("mg {COUNTER} v\r\n")).await)
}

fn number(reply: &str) -> u64 {
    let number = reply.lines().nth(1).expect("a number");
    number.trim().parse().expect("a number")
}

async fn set_counter(server: &Memcached, number: u64) {
    let digits = number.to_string();
    let set = format!("ms {COUNTER} {}\r\n{digits}\r\n", digits.len());
    assert_eq!(server.command(&set).await, "HD\r\n");
}

/// Drops the records from one position to another.
async fn forget(server: &Memcached, first: u64, last: u64) {
    let drop: String = (first..=last)
        .map(|at| format!("md larder1:r:{at}\r\n"))
        .collect();
    server.command(&drop).await;
}

/// How often a node saw that something is missing.
fn gaps(scene: &Scene, node: usize) -> u64 {
    scene.stats(node).log_skips() + scene.stats(node).log_restarts()
}

/// Until it has seen it once more.
async fn finds_a_gap(scene: &Scene, node: usize, before: u64) {
    until("it sees that something is missing", PATIENCE, || async {
        (gaps(scene, node) > before).then_some(())
    })
    .await;
    scene.go_on(BOUND).await;
}

/// Who goes on reads what stands before it. That was taken for all that there was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_lost_while_a_node_stands_still() {
    let Some((server, scene)) = scene(Memcached::options()).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                let still = scene.stop(2).await;
                scene.go_on(BOUND / 2).await;
                let lost = newest(&server).await;
                scene.go_on(2 * BOUND).await;
                forget(&server, lost, lost).await;
                let before = gaps(scene, 2);
                scene.go(still);
                finds_a_gap(scene, 2, before).await;
            }
        })
        .await;
}

/// It took a position, and went away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_never_written() {
    let Some((server, scene)) = scene(Memcached::options()).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                server.command(&format!("ma {COUNTER} v\r\n")).await;
                scene.go_on(2 * BOUND).await;
            }
        })
        .await;
    // Each of them, each time.
    assert!(scene.breaks() >= 12, "{}", scene.breaks());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_expired_before_a_node_has_read_them() {
    let Some((server, scene)) = scene(Memcached::options()).await else {
        return;
    };
    scene
        .play(async |scene| {
            scene.nodes[2].proxy().cut().await;
            let first = newest(&server).await;
            scene.go_on(2 * BOUND).await;
            let last = newest(&server).await;
            assert!(last > first + 4, "there were purges");
            forget(&server, first + 1, last - 2).await;
            let before = gaps(scene, 2);
            scene.nodes[2].proxy().heal().await;
            finds_a_gap(scene, 2, before).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_is_evicted() {
    let Some((server, scene)) = scene(Memcached::options()).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                server.command(&format!("md {COUNTER}\r\n")).await;
                scene.go_on(BOUND).await;
            }
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_goes_back() {
    let Some((server, scene)) = scene(Memcached::options()).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                let before = newest(&server).await;
                scene.go_on(BOUND).await;
                set_counter(&server, before).await;
                scene.go_on(BOUND).await;
            }
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

/// Others fill it up until the log is gone too; where the server does not know what is asked for all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_evicts_what_it_has() {
    let options = Memcached::options().memory(4);
    let options = options.argument("-o").argument("no_modern");
    let Some((server, scene)) = scene(options).await else {
        return;
    };
    scene
        .play(async |scene| {
            let before = scene.breaks();
            until("the log is evicted", PATIENCE, || async {
                fill(&server).await;
                (scene.breaks() > before).then_some(())
            })
            .await;
            scene.go_on(BOUND).await;
        })
        .await;
}

/// It evicts nothing, and takes nothing more. What expires makes room again, so others fill it all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_full() {
    let Some((server, scene)) = scene(Memcached::options().memory(4).argument("-M")).await else {
        return;
    };
    scene
        .play(async |scene| {
            let purges_wait = || async {
                fill(&server).await;
                let failed = scene.sum(|stats| stats.log_failures());
                let queued = scene.sum(|stats| stats.queued_purges());
                (failed > 0 && queued > 0).then_some(())
            };
            until("purges wait", PATIENCE, purges_wait).await;
            let filling = async {
                loop {
                    fill(&server).await;
                }
            };
            tokio::select! {
                () = filling => {}
                () = scene.go_on(2 * BOUND) => {}
            }
            until("they wait still", PATIENCE, purges_wait).await;
            server.command("flush_all\r\n").await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.sum(|stats| stats.writes_lost() + stats.failures()) > 0);
}

async fn fill(server: &Memcached) {
    let mut commands = String::new();
    for size in [1, 10, 30, 60, 100, 150, 250, 400] {
        let value = "x".repeat(size);
        for _ in 0..500 {
            let name = fastrand::u64(..);
            commands.push_str(&format!("ms f{name:016x} {size} q\r\n{value}\r\n"));
        }
    }
    server.command(&commands).await;
}

const HOUR: i64 = 3600;

/// Each of them is cut off too, and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_an_hour_wrong() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    let ahead = [0, HOUR, -HOUR, 0];
    let way = |node: usize, addr| Way::memcached(addr).ahead(ahead[node]);
    let scene = Scene::through_proxies(server.addr(), way).await;
    scene
        .play(async |scene| {
            for node in [1, 2] {
                scene.cut_off(node).await;
            }
            scene.go_on(BOUND).await;
        })
        .await;
    for node in [1, 2] {
        assert!(scene.stats(node).log_failures() > 0);
    }
}
