//! Somebody else writes under the names of a fleet on Memcached, all the time.

use std::time::{Duration, Instant};

use larder::shared::LogPosition;
use larder_servers::Memcached;
use larder_tests::reborn;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::scene::Scene;
use crate::servers::Way;

const FOR: Duration = Duration::from_millis(1500);

async fn scene() -> Option<(Memcached, Scene)> {
    let server = Memcached::start_or_skip().await?;
    let scene = Scene::new(|_| Way::memcached(server.addr())).await;
    Some((server, scene))
}

/// The names of all items that begin so.
async fn names(server: &Memcached, beginning: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let dump = b"lru_crawler metadump all\r\n";
    stream.write_all(dump).await.unwrap();
    let (mut lines, mut names) = (BufReader::new(stream).lines(), Vec::new());
    while let Some(line) = lines.next_line().await.unwrap() {
        let Some(item) = line.strip_prefix("key=") else {
            // The end, or somebody else is being told.
            break;
        };
        let name = item.split(' ').next().unwrap_or_default();
        names.push(name.replace("%3A", ":"));
    }
    names.retain(|name| name.starts_with(beginning));
    names
}

/// What stands under a name.
async fn value(server: &Memcached, name: &str) -> Option<Vec<u8>> {
    let mut stream = BufReader::new(TcpStream::connect(server.addr()).await.unwrap());
    let get = format!("mg {name} v\r\n");
    stream.write_all(get.as_bytes()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let length = line.strip_prefix("VA ")?.trim_end().parse().unwrap();
    let mut value = vec![0; length];
    stream.read_exact(&mut value).await.unwrap();
    Some(value)
}

/// Writes something under a name, for a minute.
async fn set(server: &Memcached, name: &str, value: &[u8]) {
    let mut stream = BufReader::new(TcpStream::connect(server.addr()).await.unwrap());
    let head = format!("ms {name} {} T60\r\n", value.len());
    let item = [head.as_bytes(), value, b"\r\n"].concat();
    stream.write_all(&item).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "HD\r\n");
}

/// Spoils what is stored of responses, so that it can be told that it is not whole, or not.
async fn damage(server: &Memcached) -> usize {
    let mut damaged = 0;
    let until = Instant::now() + FOR;
    while Instant::now() < until {
        for name in names(server, "larder1:e:").await {
            let stands = value(server, &name).await.unwrap_or_default();
            let cut = fastrand::usize(..=stands.len());
            let reborn = || reborn(&stands, LogPosition::from_bits(u64::MAX - 1));
            let value = match fastrand::u8(..3) {
                0 => stands[..cut].to_vec(),
                1 => (0..cut).map(|_| fastrand::u8(..)).collect(),
                _ => reborn().unwrap_or_default(),
            };
            set(server, &name, &value).await;
            damaged += 1;
        }
    }
    damaged
}

/// Writes something else under all names that begin so, again and again; how often.
async fn spoil(server: &Memcached, beginning: &str) -> usize {
    let mut spoilt = 0;
    let until = Instant::now() + FOR;
    while Instant::now() < until {
        let mut commands = String::new();
        for name in names(server, beginning).await {
            let value = match fastrand::u8(..4) {
                0 => String::new(),
                // As values begin.
                1 => format!("ld\u{1}{}", "\u{7f}".repeat(fastrand::usize(..200))),
                2 => "r\u{2}garbage".to_owned(),
                _ => (0..fastrand::usize(1..300))
                    .map(|_| fastrand::alphanumeric())
                    .collect(),
            };
            commands.push_str(&format!("ms {name} {} T60\r\n{value}\r\n", value.len()));
            spoilt += 1;
        }
        server.command(&commands).await;
    }
    spoilt
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_are_none() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |_| {
            let spoilt = spoil(&server, "larder1:e:").await;
            assert!(spoilt > 20, "only {spoilt} were spoilt");
        })
        .await;
    assert!(scene.sum(|stats| stats.unreadable()) > 0);
}

/// Some of them seem to be whole and to be born after all that is to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_are_damaged() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |_| {
            let damaged = damage(&server).await;
            assert!(damaged > 20, "only {damaged} were damaged");
        })
        .await;
    assert!(scene.sum(|stats| stats.unreadable()) > 0);
    assert!(scene.sum(|stats| stats.dead()) > 0);
}

/// It was dropped, and so was what its reader fetched instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_found_a_damaged_value_of_the_future_kept_his_own_to_himself() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene.nodes[0].get("/a").await;
    scene.nodes[0].written(1).await;
    let [name] = &names(&server, "larder1:e:").await[..] else {
        panic!("one response is stored");
    };
    let damaged = format!("ld\u{1}{}", "\u{7f}".repeat(50));
    let set = format!("ms {name} {} T60\r\n{damaged}\r\n", damaged.len());
    server.command(&set).await;
    let (_, how) = scene.nodes[1].told("/a").await;
    assert!(how.contains("stored"), "{how}");
    scene.nodes[1].written(1).await;
    let (_, how) = scene.nodes[2].told("/a").await;
    assert!(how.ends_with("detail=shared"), "{how}");
    assert_eq!(scene.app.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_that_are_none() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |_| {
            let spoilt = spoil(&server, "larder1:l:").await;
            assert!(spoilt > 20, "only {spoilt} were spoilt");
        })
        .await;
    assert!(scene.sum(|stats| stats.leases_won()) > 0);
}

/// Each of them may name anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_none() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            spoil(&server, "larder1:r:").await;
            scene.go_on(FOR / 2).await;
        })
        .await;
    let unreadable = scene.sum(|stats| stats.unreadable_records());
    assert!(unreadable + scene.breaks() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_that_are_none() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            for ruin in [
                "",
                "ruin",
                "7",
                "9300000000000000000",
                "18446744073709551615",
            ] {
                let set = format!("ms larder1:inv {}\r\n{ruin}\r\n", ruin.len());
                server.command(&set).await;
                scene.go_on(FOR / 3).await;
            }
        })
        .await;
    assert!(scene.breaks() >= 4, "{}", scene.breaks());
}
