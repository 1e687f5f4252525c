//! A master and two replicas that three sentinels watch.

use std::net::SocketAddr;
use std::time::Duration;

use crate::binaries::{Binary, Kind};
use crate::redis::{Redis, RedisOptions};
use crate::until::until;

const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "larder";

/// A master, two replicas and three sentinels, which find a master dead after 500 ms. Killed when
/// the handle is dropped.
#[derive(Debug)]
pub struct Sentinels {
    sentinels: Vec<Redis>,
    servers: Vec<Redis>,
}

impl Sentinels {
    /// Of Redis.
    ///
    /// # Panics
    ///
    /// If it is missing or does not answer.
    pub async fn start() -> Self {
        Self::launch(&Redis::options()).await
    }

    /// `None`, with a line that says so, where the server is missing.
    ///
    /// # Panics
    ///
    /// If it is missing where `CI` or `LARDER_REQUIRE_SERVERS` is set, or does not answer.
    pub async fn start_or_skip() -> Option<Self> {
        Self::start_or_skip_of(Kind::Redis).await
    }

    /// [`Sentinels::start_or_skip`], of a program other than Redis.
    pub async fn start_or_skip_of(kind: Kind) -> Option<Self> {
        Binary::get_or_skip(kind)?;
        Some(Self::launch(&Redis::options().kind(kind)).await)
    }

    /// The name that the sentinels know the master by.
    #[must_use]
    pub fn master_name(&self) -> &'static str {
        NAME
    }

    /// Of the sentinels: `redis://127.0.0.1:port`.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Redis::url).collect()
    }

    /// The three sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[Redis] {
        &self.sentinels
    }

    /// The three servers, whichever is the master.
    #[must_use]
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// Which server is the master, once all sentinels agree and it is.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub async fn master(&self) -> &Redis {
        self.master_other_than(None).await
    }

    /// Makes a replica the master while the old one runs. Returns the new one, when it is.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub async fn failover(&self) -> &Redis {
        let old = self.master().await.addr();
        // Refused while another failover is young.
        until("a failover begins", PATIENCE, || async {
            let [sentinel, ..] = self.sentinels.as_slice() else {
                return None;
            };
            let begun = sentinel.try_command(&["SENTINEL", "FAILOVER", NAME]).await;
            begun.ok()
        })
        .await;
        self.wait_for_new_master(old).await
    }

    /// With SIGKILL. Returns it, dead.
    ///
    /// # Panics
    ///
    /// If there is no master within a minute.
    pub async fn kill_master(&self) -> &Redis {
        let master = self.master().await;
        master.kill();
        master
    }

    /// Waits until all sentinels agree on a master other than the old one, and it is; returns it.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub async fn wait_for_new_master(&self, old: SocketAddr) -> &Redis {
        self.master_other_than(Some(old)).await
    }

    async fn master_other_than(&self, old: Option<SocketAddr>) -> &Redis {
        until("the sentinels agree on a master", PATIENCE, || async {
            let mut agreed = None;
            for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.runs()) {
                let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
                let addr = sentinel.try_command(&ask).await.ok()?;
                let addr: SocketAddr = addr.replace('\n', ":").parse().ok()?;
                if agreed.is_some_and(|agreed| agreed != addr) {
                    return None;
                }
                agreed = Some(addr);
            }
            let agreed = agreed.filter(|&agreed| Some(agreed) != old);
            let mut servers = self.servers.iter();
            let master = servers.find(|server| Some(server.addr()) == agreed)?;
            has(master, &["INFO", "replication"], "role:master")
                .await
                .then_some(master)
        })
        .await
    }

    async fn launch(options: &RedisOptions) -> Self {
        let fast = options.clone().line("repl-diskless-sync-delay 0");
        let master = fast.clone().start().await;
        let mut servers = Vec::new();
        for _ in 0..2 {
            let of = format!("replicaof 127.0.0.1 {}", master.port());
            servers.push(fast.clone().line(&of).start().await);
        }
        for replica in &servers {
            until("a replica follows", PATIENCE, || async {
                let info = ["INFO", "replication"];
                has(replica, &info, "master_link_status:up")
                    .await
                    .then_some(())
            })
            .await;
        }
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            let watch = format!("sentinel monitor {NAME} 127.0.0.1 {} 2", master.port());
            let sentinel = options
                .clone()
                .argument("--sentinel")
                .line(&watch)
                .line(&format!("sentinel down-after-milliseconds {NAME} 500"))
                .line(&format!("sentinel failover-timeout {NAME} 3000"))
                .start()
                .await;
            // They look seldom otherwise. Old ones cannot be told.
            let often = [
                "SENTINEL",
                "DEBUG",
                "INFO-PERIOD",
                "200",
                "PUBLISH-PERIOD",
                "200",
            ];
            let _ = sentinel.try_command(&often).await;
            sentinels.push(sentinel);
        }
        servers.insert(0, master);
        let all = Self { sentinels, servers };
        all.acquainted().await;
        all
    }

    /// Only then does a failover succeed at once.
    async fn acquainted(&self) {
        for sentinel in &self.sentinels {
            until("the sentinels know one another", PATIENCE, || async {
                let ask = ["SENTINEL", "MASTER", NAME];
                let known = [
                    "num-slaves\n2\n",
                    "num-other-sentinels\n2\n",
                    "flags\nmaster\n",
                ];
                let reply = sentinel.try_command(&ask).await.ok()?;
                known
                    .iter()
                    .all(|known| reply.contains(known))
                    .then_some(())
            })
            .await;
        }
    }
}

async fn has(server: &Redis, command: &[&str], text: &str) -> bool {
    let reply = server.try_command(command).await;
    reply.is_ok_and(|reply| reply.contains(text))
}
