//! Nodes whose clocks are wrong.

use larder_servers::{Kind, Redis};

use crate::on_both;
use crate::scene::Scene;
use crate::servers::{BOUND, Way};

const HOUR: i64 = 3600;

on_both!([
    clocks_that_are_an_hour_wrong
    ages_are_told_by_the_clock_of_the_server
]);

async fn scene(kind: Kind) -> Option<(Redis, Scene)> {
    let server = Redis::options().kind(kind).start_or_skip().await?;
    let ahead = [0, HOUR, -HOUR, 0];
    let way = |node: usize, addr| Way::redis(server.url_at(addr)).ahead(ahead[node]);
    let scene = Scene::through_proxies(server.addr(), way).await;
    Some((server, scene))
}

/// Each of them is cut off too, and comes back.
async fn clocks_that_are_an_hour_wrong(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
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
    assert_eq!(scene.breaks(), 0);
}

async fn ages_are_told_by_the_clock_of_the_server(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    for by in 0..scene.nodes.len() {
        let path = format!("/by-{by}");
        scene.nodes[by].get(&path).await;
        scene.nodes[by].written(1).await;
        for (number, node) in scene.nodes.iter().enumerate() {
            let (body, how) = node.told(&path).await;
            assert_eq!(body, format!("{path} 1"));
            let ttl = how.split("; ").find_map(|part| part.strip_prefix("ttl="));
            let ttl: u64 = ttl
                .unwrap_or_else(|| panic!("{number}: {how}"))
                .parse()
                .unwrap();
            // It is some seconds old at most, whoever stored it.
            assert!((3_570..=3_600).contains(&ttl), "{number}: {how}");
            assert_eq!(how.ends_with("detail=shared"), number != by, "{how}");
        }
    }
    assert_eq!(scene.app.calls(), scene.nodes.len());
}
