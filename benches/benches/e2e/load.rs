//! The load generator: wrk, and what it says.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::header::HOST;
use larder_servers::{Kind, command};
use tokio::process::Command;

use crate::case::TARGET;
use crate::options::Options;

/// How a server answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    /// Of waiting for a response, in µs: the median, 99 % and 99.9 %.
    pub(crate) latency: [f64; 3],
    /// How many responses did not say that they were hits, if that was looked at.
    pub(crate) misses: u64,
}

/// wrk asks this at its end; the requests themselves need no Lua.
const SCRIPT: &str = "\
local threads = {}
misses = 0
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency, requests)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  local missed = 0
  for _, thread in ipairs(threads) do missed = missed + thread:get('misses') end
  io.write(string.format('figures: %d %d %d %d %d %d %d\\n', summary.requests, summary.duration, failed,
    missed, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
";

/// Looks at each response of ours. It takes its time: this is not for when it counts.
const LOOK: &str = "\
response = function(status, headers, body)
  local said = headers['cache-status'] or ''
  if not string.find(said, 'larder; hit', 1, true) then misses = misses + 1 end
end
";

/// Whether wrk is here.
pub(crate) fn is_there() -> bool {
    larder_servers::available(Kind::Wrk)
}

/// Asks a server for some time, and looks at what comes if `looks`. `folder` is for the script.
pub(crate) async fn run(
    options: &Options,
    server: SocketAddr,
    time: Duration,
    looks: bool,
    folder: &Path,
) -> Result<Load, String> {
    let script = folder.join("done.lua");
    let look = if looks { LOOK } else { "" };
    std::fs::write(&script, format!("{SCRIPT}{look}")).map_err(|error| error.to_string())?;
    let mut wrk = Command::from(command(Kind::Wrk).ok_or("wrk is missing")?);
    wrk.args(["--threads", &options.load_threads.to_string()])
        .args(["--connections", &options.connections.to_string()])
        .args(["--duration", &format!("{}s", time.as_secs())])
        .arg("--script")
        .arg(script);
    let request = larder_benches::request(http::Method::GET, TARGET);
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        // wrk takes `host` for another field than its own `Host`.
        let name = if name == HOST { "Host" } else { name.as_str() };
        wrk.args(["--header", &format!("{name}: {value}")]);
    }
    wrk.arg(format!("http://{server}{TARGET}"))
        .kill_on_drop(true);
    let output = wrk
        .output()
        .await
        .map_err(|error| format!("wrk: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    parse(&said).ok_or_else(|| format!("wrk: {said}{errors}"))
}

/// `None` if a request failed, too.
fn parse(said: &str) -> Option<Load> {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("figures: "))?;
    let figures: Vec<u64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [requests, micros, 0, misses, latency @ ..] = figures.as_slice() else {
        return None;
    };
    let [p50, p99, p999] = *latency else {
        return None;
    };
    let load = Load {
        requests: *requests,
        per_second: *requests as f64 / *micros as f64 * 1e6,
        latency: [p50, p99, p999].map(|micros| micros as f64),
        misses: *misses,
    };
    (load.requests > 0).then_some(load)
}
