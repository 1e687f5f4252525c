//! The log loses what it had while the server goes on: trimmed, deleted, evicted, flushed; or takes nothing
//! more.

use std::time::Duration;

use larder_servers::{Kind, Redis, until};

use crate::on_both;
use crate::scene::Scene;
use crate::servers::{BOUND, Way};

pub(crate) const LOG: &str = "larder1::{log}";
const PATIENCE: Duration = Duration::from_secs(20);

on_both!([
    a_log_that_is_trimmed_to_nothing
    a_log_that_is_trimmed_beyond_what_a_node_has_read
    a_log_that_is_deleted
    a_log_that_goes_back
    a_log_that_is_evicted
    a_server_that_is_flushed_again_and_again
    a_server_that_is_full
]);

async fn scene(kind: Kind) -> Option<(Redis, Scene)> {
    let server = Redis::options().kind(kind).start_or_skip().await?;
    let way = |_, addr| Way::redis(server.url_at(addr));
    let scene = Scene::through_proxies(server.addr(), way).await;
    Some((server, scene))
}

async fn a_log_that_is_trimmed_to_nothing(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            server.command(&["XTRIM", LOG, "MAXLEN", "0"]).await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

async fn a_log_that_is_trimmed_beyond_what_a_node_has_read(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            scene.nodes[2].proxy().cut().await;
            scene.go_on(2 * BOUND).await;
            server.command(&["XTRIM", LOG, "MAXLEN", "1"]).await;
            scene.nodes[2].proxy().heal().await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.stats(2).log_skips() + scene.stats(2).log_restarts() > 0);
}

async fn a_log_that_is_deleted(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                server.command(&["DEL", LOG]).await;
                scene.go_on(BOUND / 2).await;
            }
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

/// To what it was a moment before, while all of them read on.
async fn a_log_that_goes_back(kind: Kind) {
    const COPY: &str = "larder1::{log}:copy";
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                server.command(&["COPY", LOG, COPY, "REPLACE"]).await;
                scene.go_on(BOUND / 2).await;
                server.command(&["COPY", COPY, LOG, "REPLACE"]).await;
                scene.go_on(BOUND).await;
            }
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

async fn a_log_that_is_evicted(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            let set = ["CONFIG", "SET", "maxmemory-policy", "allkeys-random"];
            server.command(&set).await;
            let before = scene.breaks();
            server.command(&["CONFIG", "SET", "maxmemory", "4mb"]).await;
            let filler = "x".repeat(50_000);
            until("the log is evicted", PATIENCE, || async {
                let name = format!("filler{}", fastrand::u64(..));
                let _ = server.try_command(&["SET", &name, &filler]).await;
                (scene.breaks() > before).then_some(())
            })
            .await;
            server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.breaks() > 0);
}

async fn a_server_that_is_flushed_again_and_again(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..20 {
                server.command(&["FLUSHALL"]).await;
                scene.go_on(BOUND / 10).await;
            }
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

/// Neither responses nor purges are taken; what is known is known on.
async fn a_server_that_is_full(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            // A machine that is busy takes its time.
            until("a response is written", PATIENCE, || async {
                (scene.sum(|stats| stats.written()) > 0).then_some(())
            })
            .await;
            server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
            scene.go_on(2 * BOUND).await;
            assert!(scene.sum(|stats| stats.queued_purges()) > 0);
            server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
    assert!(scene.sum(|stats| stats.writes_lost() + stats.failures()) > 0);
    assert_eq!(scene.breaks(), 0);
}
