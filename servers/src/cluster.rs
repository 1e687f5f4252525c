//! A cluster of three masters and three replicas.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::binaries::{Binary, Kind};
use crate::redis::{Redis, RedisOptions};
use crate::until::until;

const PATIENCE: Duration = Duration::from_secs(60);
const SLOTS: u32 = 16_384;
const RANGES: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];

/// Three masters with a replica each, which find a node dead after one second. Killed when the
/// handle is dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
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

    /// [`Cluster::start_or_skip`], of a program other than Redis. Not of [`Kind::Redis62`].
    pub async fn start_or_skip_of(kind: Kind) -> Option<Self> {
        Binary::get_or_skip(kind)?;
        Some(Self::launch(&Redis::options().kind(kind)).await)
    }

    /// All six, whichever are masters.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Where all six listen.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Redis::addr).collect()
    }

    /// Of all six: `redis://127.0.0.1:port`.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The master that has a key's slot.
    ///
    /// # Panics
    ///
    /// If none has within a minute.
    pub async fn master_of(&self, key: &str) -> &Redis {
        until("a slot has a master that runs", PATIENCE, || async {
            let node = self.nodes.iter().find(|node| node.runs())?;
            let slot = node.try_command(&["CLUSTER", "KEYSLOT", key]).await.ok()?;
            let slot: u32 = slot.parse().ok()?;
            let masters = masters_seen_by(node).await?;
            let mut ranges = masters.iter();
            let (port, _) = ranges.find(|(_, slots)| slots.contains(&slot))?;
            self.running(*port)
        })
        .await
    }

    /// Moves a key's slot, with all that is in it, to another master, while both go on. Returns that one.
    ///
    /// # Panics
    ///
    /// If a node refuses, or no node has the key's slot within a minute.
    pub async fn move_slot_of(&self, key: &str) -> &Redis {
        let from = self.master_of(key).await;
        let masters = masters_seen_by(from).await.unwrap_or_default();
        let others = masters.iter().map(|(port, _)| *port);
        let to = others
            .filter(|port| *port != from.port())
            .find_map(|port| self.running(port))
            .expect("another master that runs");
        let slot = from.command(&["CLUSTER", "KEYSLOT", key]).await;
        let (from_id, to_id) = (
            from.command(&["CLUSTER", "MYID"]).await,
            to.command(&["CLUSTER", "MYID"]).await,
        );
        to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])
            .await;
        from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])
            .await;
        let port = to.port().to_string();
        loop {
            let keys = from
                .command(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"])
                .await;
            let keys: Vec<&str> = keys.split_whitespace().collect();
            if keys.is_empty() {
                break;
            }
            let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            from.command(&[&migrate[..], &keys].concat()).await;
        }
        for node in [to, from] {
            node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])
                .await;
        }
        to
    }

    /// With SIGKILL. Returns it, dead; its replica is the master after [`Cluster::wait_ok`].
    ///
    /// # Panics
    ///
    /// If no node has the key's slot within a minute.
    pub async fn kill_master_of(&self, key: &str) -> &Redis {
        let master = self.master_of(key).await;
        master.kill();
        master
    }

    /// Waits until all nodes that run agree that all slots have a master that runs, and all replicas
    /// that run follow theirs.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute.
    pub async fn wait_ok(&self) {
        let nodes = || self.nodes.iter().filter(|node| node.runs());
        until("the cluster is whole", PATIENCE, || async {
            let mut agreed = None;
            for node in nodes() {
                let info = node.try_command(&["CLUSTER", "INFO"]).await.ok()?;
                let replication = node.try_command(&["INFO", "replication"]).await.ok()?;
                let follows = ["role:master", "master_link_status:up"];
                let follows = follows.iter().any(|state| replication.contains(state));
                let masters = masters_seen_by(node).await?;
                let slots: u32 = masters
                    .iter()
                    .map(|(_, slots)| slots.end() + 1 - slots.start())
                    .sum();
                let run = masters
                    .iter()
                    .all(|(port, _)| self.running(*port).is_some());
                let same = agreed.as_ref().is_none_or(|agreed| *agreed == masters);
                if !(info.contains("cluster_state:ok") && follows && slots == SLOTS && run && same)
                {
                    return None;
                }
                agreed = Some(masters);
            }
            agreed.map(drop)
        })
        .await;
    }

    fn running(&self, port: u16) -> Option<&Redis> {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.port() == port && node.runs())
    }

    async fn launch(options: &RedisOptions) -> Self {
        let options = options
            .clone()
            .clustered()
            .line("cluster-node-timeout 1000")
            .line("repl-diskless-sync-delay 0");
        let mut nodes = Vec::new();
        for epoch in 1..=6 {
            let node = options.clone().start().await;
            // Else they have to find out whose slots count.
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()])
                .await;
            nodes.push(node);
        }
        let cluster = Self { nodes };
        cluster.introduce().await;
        let (masters, replicas) = cluster.nodes.split_at(3);
        for ((master, replica), [first, last]) in masters.iter().zip(replicas).zip(RANGES) {
            master
                .command(&["CLUSTER", "ADDSLOTSRANGE", first, last])
                .await;
            let id = master.command(&["CLUSTER", "MYID"]).await;
            replica.command(&["CLUSTER", "REPLICATE", &id]).await;
        }
        cluster.wait_ok().await;
        cluster
    }

    async fn introduce(&self) {
        for one in &self.nodes {
            for other in &self.nodes {
                let (port, bus) = (other.port().to_string(), other.bus.to_string());
                one.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])
                    .await;
            }
        }
        for node in &self.nodes {
            until("the nodes know one another", PATIENCE, || async {
                let known = node.try_command(&["CLUSTER", "NODES"]).await.ok()?;
                let connected =
                    |line: &&str| line.contains(" connected") && !line.contains("handshake");
                let connected = known.lines().filter(connected).count();
                (connected == self.nodes.len() && known.lines().count() == connected).then_some(())
            })
            .await;
        }
    }
}

/// The masters' ports and slots, in order; without those that failed.
async fn masters_seen_by(node: &Redis) -> Option<Vec<(u16, RangeInclusive<u32>)>> {
    let nodes = node.try_command(&["CLUSTER", "NODES"]).await.ok()?;
    let mut masters = Vec::new();
    for line in nodes.lines() {
        // id, ip:port@bus, flags, master, ping, pong, epoch, link, slots …
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, addr, flags, _, _, _, _, _, slots @ ..] = words.as_slice() else {
            continue;
        };
        let flags: Vec<&str> = flags.split(',').collect();
        if !flags.contains(&"master") || flags.iter().any(|flag| flag.starts_with("fail")) {
            continue;
        }
        let port = addr.split(['@', ':']).nth(1)?.parse().ok()?;
        for slots in slots.iter().filter(|slots| !slots.starts_with('[')) {
            let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
            masters.push((port, first.parse().ok()?..=last.parse().ok()?));
        }
    }
    masters.sort_by_key(|(_, slots)| *slots.start());
    Some(masters)
}
