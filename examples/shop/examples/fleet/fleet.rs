//! [`Fleet`]: a Redis and three shops on it, for as long as the handle is there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use larder_servers::{Kind, Redis, available};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) struct Fleet {
    pub(crate) redis: Redis,
    pub(crate) shops: Vec<Shop>,
    /// Where the prices are.
    _folder: TempDir,
}

/// Killed when it is dropped.
pub(crate) struct Shop {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    _child: Child,
    /// It must not write into nothing.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Fleet {
    pub(crate) async fn start() -> Result<Self, String> {
        if !available(Kind::Redis) {
            return Err("there is no redis-server; run cargo xtask servers".to_owned());
        }
        let redis = Redis::start().await;
        println!("Redis is at {}.", redis.url());
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut shops = Vec::new();
        for name in ["A", "B", "C"] {
            let shop = Shop::start(name, &redis, folder.path()).await?;
            println!("Shop {name} is at http://{}.", shop.address);
            shops.push(shop);
        }
        Ok(Self {
            redis,
            shops,
            _folder: folder,
        })
    }
}

impl Shop {
    /// At whatever port is free. It says where it is once it is one of the fleet.
    async fn start(name: &'static str, redis: &Redis, folder: &Path) -> Result<Self, String> {
        let program = program()?;
        let cannot = |error| format!("{}: {error}", program.display());
        let mut child = Command::new(&program)
            .args(["--redis", &redis.url(), "--listen", "127.0.0.1:0"])
            .arg("--prices")
            .arg(folder.join("prices"))
            // It is going to lose the server, which is no news here.
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        let output = child.stdout.take().ok_or("a shop without output")?;
        let mut output = BufReader::new(output).lines();
        let line = timeout(Duration::from_secs(20), output.next_line()).await;
        let line = line.map_err(|_| format!("shop {name} did not open within 20 s"))?;
        let line = line.map_err(cannot)?.unwrap_or_default();
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        Ok(Self {
            name,
            address: address
                .ok_or_else(|| format!("shop {name} did not open"))?
                .to_owned(),
            _child: child,
            _output: output,
        })
    }
}

/// Cargo builds it next to the folder of this program.
fn program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let shop = own
        .parent()
        .and_then(Path::parent)
        .map(|folder| folder.join("shop"));
    let shop = shop.filter(|shop| shop.is_file());
    shop.ok_or_else(|| "the shop is not built; run cargo xtask fleet".to_owned())
}
