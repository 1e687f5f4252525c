//! How often the store is asked for one response: once, however many tags it has. Fails otherwise.

use larder::Cache;
use larder_benches::read;
use larder_servers::Redis;

use crate::ask::two_threads;
use crate::stand::{App, cache, fill, get, redis, tagged, tier};

pub fn check(quick: bool) {
    let runtime = two_threads();
    let Some(server) = redis(&runtime) else {
        return;
    };
    let asked = if quick { 100 } else { 1_000 };
    println!("\n| commands to Redis for {asked} hits | by clients | of them reads and scripts |");
    println!("|---|---:|---:|");
    runtime.block_on(async {
        let tier = tier(&server).await;
        for (under, tags) in [("plain", 0), ("tagged", 10)] {
            fill(tier.clone(), under, asked, 2 << 10, tags).await;
            let cache = cache(tier.clone(), 64 << 20).await;
            let (all, of_reads) = commands(&server, &cache, under, asked, tags).await;
            println!("| {tags} tags | {all} | {of_reads} |");
            // Besides, a node looks at the log, and tells that it is there.
            let most = asked as u64 + 20;
            assert!(of_reads <= most, "{of_reads} commands for {asked} hits");
        }
    });
}

/// Commands while all are read once. What scripts call is not counted.
async fn commands(
    server: &Redis,
    cache: &Cache,
    under: &str,
    asked: usize,
    tags: usize,
) -> (u64, u64) {
    let app = App::of(2 << 10);
    let service = app.behind(cache, tagged(tags));
    server.command(&["CONFIG", "RESETSTAT"]).await;
    for number in 0..asked {
        read(&service, get(under, number)).await;
    }
    let stats = server.command(&["INFO", "commandstats"]).await;
    assert_eq!(app.calls(), 0, "not all are from the store");
    let of = |name| calls(&stats, name);
    let scripts = of("evalsha") + of("eval");
    // A script that reads calls one `GET` for each.
    let reads = of("get").saturating_sub(scripts) + of("mget");
    let others = ["xread", "xrange", "xadd", "ping", "set", "unlink"];
    let others: u64 = others.into_iter().map(of).sum();
    (scripts + reads + others, scripts + reads)
}

/// `cmdstat_get:calls=1,usec=…`
fn calls(stats: &str, command: &str) -> u64 {
    let line = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|it| it.strip_prefix(&line));
    let calls = calls.and_then(|calls| calls.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}
