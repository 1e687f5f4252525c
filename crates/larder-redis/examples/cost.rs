//! What reading a value through the tier costs, beside the same by the client alone: run with
//! `cargo run --release --example cost -p larder-redis -- redis://127.0.0.1:6379` on a server that
//! holds nothing else.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "it prints what it finds, and ends where it cannot"
)]

use std::error::Error;
use std::time::{Duration, Instant};

use larder::shared::{EntryKey, EntryStore, LogPosition, MAGIC, Put, Wish};
use larder_redis::RedisTier;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo};

type Failure = Box<dyn Error + Send + Sync>;

const ROUNDS: usize = 15;
const READS: usize = 20_000;
const KEYS: usize = 1000;
const BYTES: usize = 2048;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1);
    let url = url.unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let tier = RedisTier::connect(&url).await?;
    let client = client(&url).await?;
    let keys: Vec<EntryKey> = (0..KEYS).map(key).collect();
    let before = memory(&client).await?;
    for key in &keys {
        tier.put(&value(*key)).await?;
    }
    let each = (memory(&client).await? - before) / KEYS as u64;
    println!("memory of the server: {each} bytes for each value of {BYTES} bytes");

    let names: Vec<String> = keys
        .iter()
        .map(|key| format!("larder1::{{{}}}:e", key.primary_text()))
        .collect();
    for in_flight in [1, 16, 128] {
        let (mut by_tier, mut by_client) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            let names = names.clone();
            let connection = client.clone();
            let took = run(in_flight, move |n| {
                let (name, mut connection) = (names[n].clone(), connection.clone());
                async move {
                    let mut get = redis::cmd("GET");
                    let got: Vec<u8> = get.arg(name).query_async(&mut connection).await?;
                    Ok(got.len())
                }
            });
            by_client = by_client.min(took.await?);
            let (tier, keys) = (tier.clone(), keys.clone());
            let took = run(in_flight, move |n| {
                let (tier, key) = (tier.clone(), keys[n]);
                async move {
                    let found = tier.get(&key, Wish::Read).await?;
                    Ok(found.primary.map_or(0, |value| value.len()))
                }
            });
            by_tier = by_tier.min(took.await?);
        }
        let each = |took: Duration| took.as_secs_f64() * 1e6 / READS as f64;
        let ratio = by_tier.as_secs_f64() / by_client.as_secs_f64();
        println!(
            "{in_flight:3} in flight: {:.2} us by the client, {:.2} us through the tier: {ratio:.3}",
            each(by_client),
            each(by_tier),
        );
    }
    Ok(())
}

/// How long it takes to read so many values, so many at a time.
async fn run<F, R>(in_flight: usize, read: F) -> Result<Duration, Failure>
where
    F: Fn(usize) -> R + Clone + Send + 'static,
    R: Future<Output = Result<usize, Failure>> + Send,
{
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..in_flight {
        let read = read.clone();
        tasks.spawn(async move {
            for n in 0..READS / in_flight {
                let length = read((task * 31 + n) % KEYS).await?;
                if length != BYTES {
                    return Err(Failure::from("not the value"));
                }
            }
            Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(begun.elapsed())
}

/// A connection as the tier has it.
async fn client(url: &str) -> Result<MultiplexedConnection, Failure> {
    let info = url.into_connection_info()?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(tcp))?;
    let settings = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(1024)
        .set_write_backpressure_boundary(64 * 1024);
    let connection = client.get_multiplexed_async_connection_with_config(&settings);
    Ok(connection.await?)
}

async fn memory(client: &MultiplexedConnection) -> Result<u64, Failure> {
    let info: String = redis::cmd("INFO")
        .arg("memory")
        .query_async(&mut client.clone())
        .await?;
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    Ok(used.ok_or("no used_memory")?.trim().parse()?)
}

fn key(n: usize) -> EntryKey {
    let mut hash = [7; 32];
    for (to, from) in hash.iter_mut().zip(n.to_be_bytes()) {
        *to = from;
    }
    EntryKey::new(hash)
}

fn value(key: EntryKey) -> Put {
    let born = LogPosition::new(1, 1);
    let mut value = [&MAGIC[..], &[1, 0, 0, 0, 0, 0], &born.bits().to_be_bytes()].concat();
    value.resize(BYTES, 7);
    Put {
        key,
        value: value.into(),
        rule: None,
        born,
        keep: Duration::from_secs(3600),
        lease: None,
    }
}
