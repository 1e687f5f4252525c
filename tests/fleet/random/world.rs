//! Nodes, what is asked of them, and whether their answers may be what they are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use larder::{Purge, Receipt, SharedSettings};
use larder_testing::{FakeLink, FakeStore};
use larder_tests::{Reply, request};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::oracle::{Oracle, Versions};
use super::story::Story;
use super::trouble::{Hurt, Trouble, Troubles, mend};
use crate::node::{App, Node};

const NODES: usize = 4;
const STEPS: usize = 80;
const PATHS: [&str; 4] = ["/a/1", "/a/2", "/b/1", "/b/2"];
const BOUND: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(4);
const MILLI: Duration = Duration::from_millis(1);

pub(super) struct World {
    rng: Rng,
    app: App,
    store: FakeStore,
    links: Vec<FakeLink>,
    nodes: Vec<Node>,
    oracle: Arc<Mutex<Oracle>>,
    /// Requests, and receipts that are waited for.
    under_way: JoinSet<()>,
    troubles: Troubles,
    story: Story,
}

impl World {
    pub(super) async fn run(
        seed: u64,
        troubles: &[Trouble],
        settings: SharedSettings,
        story: Story,
    ) {
        fastrand::seed(seed);
        let mut world = Self::new(seed, settings, story).await;
        for _ in 0..STEPS {
            world.step(troubles).await;
        }
        world.end().await;
    }

    async fn new(seed: u64, settings: SharedSettings, story: Story) -> Self {
        let mut rng = Rng::with_seed(seed);
        let app = App::new();
        let mut fields = vec![("cache-control", "max-age=3600")];
        if rng.u8(..4) == 0 {
            fields[0].1 = "max-age=3600, stale-while-revalidate=30";
        }
        if rng.bool() {
            fields.push(("vary", "accept-language"));
        }
        app.set_fields(&fields);
        let settings = settings.bound(BOUND).lease_for(LEASE);
        let fail_open = if format!("{settings:?}").contains("fail_open: 0ns") {
            Duration::ZERO
        } else {
            Duration::from_secs(5)
        };
        let store = match rng.u8(..4) {
            0 => FakeStore::polled(MILLI * 100),
            _ => FakeStore::new(),
        };
        if rng.u8(..4) == 0 {
            store.read_at_most(Some(rng.usize(1..3)));
        }
        let links: Vec<_> = (0..NODES).map(|_| store.link()).collect();
        let make =
            |link: &FakeLink| Node::with(&app, link.clone(), settings.clone(), |cache| cache);
        let nodes = links.iter().map(make).collect();
        let oracle = Oracle::new(BOUND + fail_open, NODES);
        story.tell(format_args!("{settings:?} {fields:?}"));
        Self {
            oracle: Arc::new(Mutex::new(oracle)),
            rng,
            app,
            store,
            links,
            nodes,
            under_way: JoinSet::new(),
            troubles: Troubles::default(),
            story,
        }
    }

    async fn step(&mut self, troubles: &[Trouble]) {
        match self.rng.u8(..20) {
            0..9 => self.ask(),
            9..12 => self.change(),
            12..15 => {
                let of = *self.rng.choice(troubles).unwrap();
                let (rng, store) = (&mut self.rng, &self.store);
                let hurt = self
                    .troubles
                    .cause(rng, of, store, &self.links, &self.story);
                self.tell(&hurt);
                // Positions are times.
                sleep(MILLI * 2).await;
            }
            15 => self.app.takes(MILLI * self.rng.u32(..80)),
            16 => sleep(MILLI * self.rng.u32(..6000)).await,
            _ => sleep(MILLI * self.rng.u32(..300)).await,
        }
        while let Some(done) = self.under_way.try_join_next() {
            done.unwrap();
        }
    }

    fn tell(&self, hurt: &Hurt) {
        let mut oracle = self.oracle.lock().unwrap();
        match *hurt {
            Hurt::Nothing => {}
            Hurt::Link(node, is_well) => oracle.is_well(node, is_well),
            Hurt::Room(has) => oracle.has_room(has),
            Hurt::Log => oracle.lost(),
        }
    }

    fn ask(&mut self) {
        let (node, path) = (self.rng.usize(..NODES), self.path());
        let language = *self.rng.choice(&["en", "de"]).unwrap();
        let oldest = self.oracle.lock().unwrap().oldest(node, path);
        let service = self.nodes[node].clone();
        let story = self.story.clone();
        story.tell(format_args!(
            "node {node} is asked for {path} {language}: {oldest} or later"
        ));
        self.under_way.spawn(async move {
            let begun = Instant::now();
            let reply = service
                .send(request("GET", path, &[("accept-language", language)]))
                .await;
            let (text, status) = (reply.text(), reply.field("cache-status"));
            story.tell(format_args!("node {node} answers {text}: {status}"));
            check(&reply, node, path, oldest);
            let words: Vec<_> = reply.text().split(' ').collect();
            let has_variant = reply.has("vary");
            assert!(
                !has_variant || words[2] == language,
                "the variant of another"
            );
            assert!(begun.elapsed() < LATE, "waited for {:?}", begun.elapsed());
        });
    }

    fn path(&mut self) -> &'static str {
        self.rng.choice(&PATHS).unwrap()
    }

    /// Changes something, and purges it in one of many ways.
    fn change(&mut self) {
        let (node, path) = (self.rng.usize(..NODES), self.path());
        self.app.change(path);
        let one = vec![(path.to_owned(), self.app.version(path))];
        let (purge, versions) = match self.rng.u8(..8) {
            0 => (Purge::url(path).unwrap(), one),
            1 => (
                Purge::prefix(&path[..2]).unwrap(),
                self.versions(&path[..2]),
            ),
            2 => (Purge::everything(), self.versions("/")),
            3 | 4 => (Purge::tag(&path[1..]).soft(), one),
            _ => (Purge::tag(&path[1..]), one),
        };
        let what = format!("{purge:?}");
        let receipt = self.nodes[node].cache.purge(purge);
        let mut oracle = self.oracle.lock().unwrap();
        let story = self.story.clone();
        story.tell(format_args!("node {node} purges {what}: {versions:?}"));
        let number = oracle.purged(node, versions);
        drop(oracle);
        let oracle = Arc::clone(&self.oracle);
        self.under_way.spawn(async move {
            recorded(receipt).await;
            story.tell(format_args!("purge {number} is acknowledged"));
            oracle.lock().unwrap().acknowledged(number);
        });
    }

    fn versions(&self, prefix: &str) -> Versions {
        let of = PATHS.iter().filter(|path| path.starts_with(prefix));
        of.map(|path| ((*path).to_owned(), self.app.version(path)))
            .collect()
    }

    /// Once nothing is wrong any more, everything is as if nothing had been.
    async fn end(mut self) {
        self.links.iter().for_each(mend);
        self.store.make_room();
        self.app.takes(Duration::ZERO);
        sleep(Duration::from_secs(60)).await;
        while let Some(done) = self.under_way.try_join_next() {
            done.unwrap();
        }
        assert!(self.under_way.is_empty(), "something does not end");
        assert!(self.oracle.lock().unwrap().all_acknowledged());
        for (at, node) in self.nodes.iter().enumerate() {
            for path in PATHS {
                let reply = node.get(path).await;
                check(&reply, at, path, self.app.version(path));
                sleep(MILLI * 20).await;
            }
            let stats = node.cache.shared_stats().unwrap();
            assert_eq!((stats.queued_purges(), stats.queued_bytes()), (0, 0));
        }
        self.nodes[0].get("/new").await;
        sleep(MILLI * 20).await;
        let calls = self.app.calls();
        for node in &self.nodes {
            node.get("/new").await;
        }
        assert_eq!(self.app.calls(), calls, "nothing is shared any more");
    }
}

async fn recorded(receipt: Receipt) {
    while receipt.clone().await.is_err() {}
}

fn check(reply: &Reply, node: usize, path: &str, oldest: u64) {
    let mut words = reply.text().split(' ');
    let (of, version) = (words.next().unwrap(), words.next().unwrap());
    assert_eq!(of, path);
    let version: u64 = version.parse().unwrap();
    let status = reply.field("cache-status");
    let is_stale = status.contains("; ttl=-") || status.contains("; ttl=0");
    assert!(
        is_stale || version >= oldest,
        "node {node} answered {path} {version} instead of {oldest} or later: {status}"
    );
}
