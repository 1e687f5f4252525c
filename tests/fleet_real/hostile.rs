//! Somebody else writes under the keys of the fleet, all the time: what is no value, values that are
//! damaged, values of other keys, records that are none.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use larder::SharedSettings;
use larder_servers::{Kind, Redis};

use crate::lost::LOG;
use crate::on_both;
use crate::scene::Scene;
use crate::servers::Way;

const FOR: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(20);

on_both!([
    random_bytes
    bytes_that_begin_as_values_do
    values_that_are_cut
    values_with_flipped_bits
    values_of_other_keys
    values_with_huge_lengths
    values_of_the_future
    a_damaged_value_of_the_future_kept_its_key_from_being_shared
    wrong_types
    a_store_that_answers_with_errors_is_asked_on
    a_log_of_a_wrong_type
    records_that_are_none
]);

/// Spoils what is stored of responses. The first argument says how, the second is a number to begin
/// chance with.
const SPOIL: &str = r#"
math.randomseed(tonumber(ARGV[2]))
local function random(n)
  local bytes = {}
  for i = 1, n do bytes[i] = string.char(math.random(0, 255)) end
  return table.concat(bytes)
end
local keys = redis.call('KEYS', 'larder1:*}:e')
local spoilt = 0
for at, key in ipairs(keys) do
  local value = redis.pcall('GET', key)
  if type(value) == 'string' and #value >= 44 then
    local how = ARGV[1]
    if how == 'random' then
      value = random(math.random(1, 300))
    elseif how == 'begun' then
      value = string.sub(value, 1, math.random(2, 44)) .. random(200)
    elseif how == 'cut' then
      value = string.sub(value, 1, math.random(1, #value - 1))
    elseif how == 'flipped' then
      local byte = math.random(1, #value)
      local flipped = bit.bxor(string.byte(value, byte), bit.lshift(1, math.random(0, 7)))
      value = string.sub(value, 1, byte - 1) .. string.char(flipped) .. string.sub(value, byte + 1)
    elseif how == 'foreign' then
      value = redis.pcall('GET', keys[at % #keys + 1])
    elseif how == 'huge' then
      local huge = math.random(0, 1)
      if huge == 0 then
        value = string.sub(value, 1, 4) .. '\255\255\255\255' .. string.sub(value, 9)
      else
        value = string.sub(value, 1, 36) .. '\255\255\255\255\255\255\255\127' .. string.sub(value, 45)
      end
    elseif how == 'future' then
      value = string.sub(value, 1, 8) .. '\255\255\255\255\255\255\255\255' .. string.sub(value, 17)
    elseif how == 'list' then
      redis.call('DEL', key)
      redis.call('RPUSH', key, 'x')
      value = nil
    end
    if type(value) == 'string' then
      redis.call('SET', key, value, 'KEEPTTL')
    end
    spoilt = spoilt + 1
  end
end
return spoilt
"#;

async fn scene(kind: Kind) -> Option<(Redis, Scene)> {
    let server = Redis::options().kind(kind).start_or_skip().await?;
    let scene = Scene::new(|_| Way::redis(server.url())).await;
    Some((server, scene))
}

/// Spoils everything again and again. Returns how often something was found that could not be read.
async fn spoil(kind: Kind, how: &str) -> Option<u64> {
    let (server, scene) = scene(kind).await?;
    scene
        .play(async |_| {
            let until = Instant::now() + FOR;
            let mut spoilt = 0;
            while Instant::now() < until {
                let seed = fastrand::u32(..).to_string();
                let done = server.command(&["EVAL", SPOIL, "0", how, &seed]).await;
                spoilt += done.parse::<u32>().unwrap();
            }
            assert!(spoilt > 100, "only {spoilt} were spoilt");
        })
        .await;
    assert_eq!(scene.breaks(), 0);
    Some(scene.sum(|stats| stats.unreadable()))
}

async fn random_bytes(kind: Kind) {
    assert_ne!(spoil(kind, "random").await, Some(0));
}

async fn bytes_that_begin_as_values_do(kind: Kind) {
    assert_ne!(spoil(kind, "begun").await, Some(0));
}

async fn values_that_are_cut(kind: Kind) {
    assert_ne!(spoil(kind, "cut").await, Some(0));
}

async fn values_with_flipped_bits(kind: Kind) {
    assert_ne!(spoil(kind, "flipped").await, Some(0));
}

async fn values_of_other_keys(kind: Kind) {
    assert_ne!(spoil(kind, "foreign").await, Some(0));
}

async fn values_with_huge_lengths(kind: Kind) {
    assert_ne!(spoil(kind, "huge").await, Some(0));
}

/// They say to be born after everything that is to come.
async fn values_of_the_future(kind: Kind) {
    assert_ne!(spoil(kind, "future").await, Some(0));
}

async fn a_damaged_value_of_the_future_kept_its_key_from_being_shared(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene.nodes[0].get("/a").await;
    scene.nodes[0].written(1).await;
    let spoilt = server.command(&["EVAL", SPOIL, "0", "future", "1"]).await;
    assert_eq!(spoilt, "1");
    // It cannot read it, and stores its own.
    let (_, how) = scene.nodes[1].told("/a").await;
    assert!(how.contains("stored"), "{how}");
    scene.nodes[1].written(1).await;
    let (_, how) = scene.nodes[2].told("/a").await;
    assert!(how.ends_with("detail=shared"), "{how}");
    assert_eq!(scene.app.calls(), 2);
    assert!(scene.stats(1).unreadable() > 0);
    assert_eq!(scene.stats(2).unreadable(), 0);
}

async fn wrong_types(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |_| {
            let until = Instant::now() + FOR;
            while Instant::now() < until {
                server.command(&["EVAL", SPOIL, "0", "list", "1"]).await;
            }
        })
        .await;
    assert!(scene.sum(|stats| stats.failures()) > 0);
    assert_eq!(scene.breaks(), 0);
}

/// It answers at once, so nobody waits for it; and what is well there is shared on.
async fn a_store_that_answers_with_errors_is_asked_on(kind: Kind) {
    const PATHS: usize = 20;
    let Some(server) = Redis::options().kind(kind).start_or_skip().await else {
        return;
    };
    // No answer is late, however busy the machine is.
    let patient = |settings: SharedSettings| settings.read_within(LONG).lease_within(LONG);
    let way = |_| Way::redis(server.url()).with(patient);
    let scene = Scene::new(way).await;
    let (one, other) = (&scene.nodes[0], &scene.nodes[1]);
    for number in 0..PATHS {
        one.get(&format!("/{number}")).await;
    }
    one.written(PATHS as u64).await;
    server.command(&["EVAL", SPOIL, "0", "list", "1"]).await;
    // All at once: what is stored anew is an answer too.
    let asked = (0..PATHS).map(async |number| other.get(&format!("/{number}")).await);
    for reply in join_all(asked).await {
        assert_eq!(reply.status, 200);
    }
    let stats = scene.stats(1);
    assert!(stats.failures() >= PATHS as u64, "{stats:?}");
    assert_eq!(stats.skipped(), 0, "{stats:?}");
    one.get("/well").await;
    one.written(PATHS as u64 + 1).await;
    let (_, how) = other.told("/well").await;
    assert!(how.ends_with("detail=shared"), "{how}");
}

/// Nobody can purge for others while it stands there; it is replaced as soon as somebody looks.
async fn a_log_of_a_wrong_type(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            server.command(&["SET", LOG, "no log"]).await;
            scene.go_on(FOR).await;
            server.command(&["DEL", LOG]).await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
    assert!(scene.breaks() > 0);
}

/// Each of them may name anything.
async fn records_that_are_none(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            for record in [
                "",
                "x",
                "\u{1}\u{0}garbage",
                "\u{2}\u{2}aaaaaaaabbbbbbbbcccccccc\u{0}\u{0}",
            ] {
                server.command(&["XADD", LOG, "*", "d", record]).await;
                server.command(&["XADD", LOG, "*", "other", record]).await;
                scene.go_on(Duration::from_millis(50)).await;
            }
        })
        .await;
    for node in 0..scene.nodes.len() {
        assert!(scene.stats(node).unreadable_records() >= 4);
    }
    assert_eq!(scene.breaks(), 0);
}
