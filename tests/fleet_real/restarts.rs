//! The server ends and is started again: with all that it had, with nothing, or with what it had before.

use std::fs;
use std::path::Path;
use std::time::Duration;

use larder_servers::{Kind, Redis, RedisOptions};

use crate::on_both;
use crate::scene::Scene;
use crate::servers::{BOUND, Way};

on_both!([
    a_server_that_comes_back_empty
    a_server_that_comes_back_with_everything
    a_server_that_comes_back_with_an_old_snapshot
    a_server_that_comes_back_with_an_old_log_of_its_own
]);

async fn scene(options: RedisOptions) -> Option<(Redis, Scene)> {
    let server = options.start_or_skip().await?;
    let scene = Scene::new(|_| Way::redis(server.url())).await;
    Some((server, scene))
}

async fn a_server_that_comes_back_empty(kind: Kind) {
    let Some((server, scene)) = scene(Redis::options().kind(kind)).await else {
        return;
    };
    scene
        .play(async |scene| {
            server.kill();
            scene.go_on(2 * BOUND).await;
            server.restart().await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
    // Each had applied what is no more.
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

async fn a_server_that_comes_back_with_everything(kind: Kind) {
    let Some((server, scene)) = scene(Redis::options().kind(kind).durable()).await else {
        return;
    };
    scene
        .play(async |scene| {
            server.kill();
            scene.go_on(2 * BOUND).await;
            server.restart().await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
    assert_eq!(scene.breaks(), 0, "nothing was missing");
}

async fn a_server_that_comes_back_with_an_old_snapshot(kind: Kind) {
    let Some((server, scene)) = scene(Redis::options().kind(kind)).await else {
        return;
    };
    scene
        .play(async |scene| {
            server.command(&["SAVE"]).await;
            scene.go_on(Duration::from_millis(300)).await;
            server.kill();
            server.restart().await;
            // It has what it had, and so is no empty one.
            assert_ne!(server.command(&["DBSIZE"]).await, "0");
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

async fn a_server_that_comes_back_with_an_old_log_of_its_own(kind: Kind) {
    let Some((server, scene)) = scene(Redis::options().kind(kind).durable()).await else {
        return;
    };
    let folder = server.command(&["CONFIG", "GET", "dir"]).await;
    let folder = Path::new(folder.lines().nth(1).unwrap()).to_owned();
    let (kept, copy) = (folder.join("appendonlydir"), folder.join("copy"));
    scene
        .play(async |scene| {
            copy_files(&kept, &copy);
            scene.go_on(Duration::from_millis(300)).await;
            server.kill();
            fs::remove_dir_all(&kept).unwrap();
            copy_files(&copy, &kept);
            server.restart().await;
            assert_ne!(server.command(&["DBSIZE"]).await, "0");
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}

/// What is written meanwhile may be there in part, as after a crash.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
