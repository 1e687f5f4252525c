//! What a stored response takes in Redis.

use larder_servers::{Kind, Redis, available};

use crate::ask::two_threads;
use crate::stand::{fill, redis, tier};

pub fn print(quick: bool) {
    let runtime = two_threads();
    if !available(Kind::Redis) {
        // Said so, or fails.
        drop(redis(&runtime));
        return;
    }
    let entries = if quick { 200 } else { 10_000 };
    println!(
        "\n| {entries} responses in Redis, bytes each | body | frame | memory used | more than the frame | than the body |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (name, length, tags) in [
        ("2 KiB", 2048, 0),
        ("2 KiB, 10 tags", 2048, 10),
        ("2,300 bytes", 2300, 0),
        ("50 KiB", 50 << 10, 0),
    ] {
        let entries = entries.min((256 << 20) / length);
        let (frame, used) = runtime.block_on(footprint(entries, length, tags));
        let of_frame = used as i64 - frame as i64;
        let of_body = used as i64 - length as i64;
        println!("| {name} | {length} | {frame} | {used} | {of_frame} | {of_body} |");
    }
}

/// The length of a frame, and the memory for each.
async fn footprint(entries: usize, length: usize, tags: usize) -> (usize, usize) {
    let server = Redis::start().await;
    let tier = tier(&server).await;
    fill(tier.clone(), "first", 64, length, tags).await;
    let before = used(&server).await;
    fill(tier, "more", entries, length, tags).await;
    let used = used(&server).await - before;
    let keys = server.command(&["KEYS", "larder1:*:e"]).await;
    let key = keys.lines().next().expect("a key");
    let frame = server.command(&["STRLEN", key]).await;
    (frame.parse().expect("a length"), used / entries)
}

async fn used(server: &Redis) -> usize {
    let info = server.command(&["INFO", "memory"]).await;
    let used = info.lines().find_map(|it| it.strip_prefix("used_memory:"));
    used.and_then(|used| used.trim().parse().ok())
        .expect("used_memory")
}
