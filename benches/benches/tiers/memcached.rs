//! The same in Memcached, beside the least client that there can be.

use std::rc::Rc;

use larder::shared::EntryStore;
use larder_benches::{Case, read};
use larder_memcached::MemcachedTier;
use larder_servers::Memcached;
use tokio::runtime::Runtime;

use crate::ask::{Asking, How, keys};
use crate::least::Least;
use crate::reader::{PLAIN, Reader};
use crate::stand::{fill, frame};
use crate::store::{Ask, copy, get, key};

struct Stand {
    asking: Asking,
    runtime: Rc<Runtime>,
    _server: Memcached,
    tier: MemcachedTier,
    client: Least,
    frame: usize,
}

impl Stand {
    fn new(how: How, quick: bool) -> Option<Self> {
        let keys = keys(LENGTH, quick);
        let runtime = how.runtime();
        let server = runtime.block_on(Memcached::options().memory(256).start_or_skip())?;
        let (tier, client, frame) = runtime.block_on(async {
            let tier = MemcachedTier::connect([server.addr().to_string()]).await;
            let tier = tier.expect("a server that answers");
            fill(tier.clone(), PLAIN, keys, LENGTH, 0).await;
            let frame = frame(LENGTH).await;
            for number in 0..keys {
                let put = copy(number, &frame);
                tier.put(&put).await.expect("it is stored");
            }
            (tier, Least::connect(server.addr()).await, frame.len())
        });
        Some(Self {
            asking: Asking { how, keys },
            runtime: Rc::new(runtime),
            _server: server,
            tier,
            client,
            frame,
        })
    }

    fn bare(self: &Rc<Self>) -> Case<'static> {
        // As long as there is a case, there is a server.
        let (stand, client) = (Rc::clone(self), self.client.clone());
        let name = move |n| {
            let _ = &stand;
            format!("larder1:e:{}", key(n).primary_text())
        };
        let get = move |name: String| {
            let client = client.clone();
            async move { client.get(&name).await }
        };
        self.asking
            .case("bare `mg`", &self.runtime, self.frame, name, get)
    }

    fn store(&self, name: &'static str, ask: Ask) -> Case<'static> {
        let tier = self.tier.clone();
        let get = move |key| get(tier.clone(), key, ask);
        self.asking.case(name, &self.runtime, self.frame, key, get)
    }

    fn layer(&self, name: &'static str) -> Case<'static> {
        let tier = self.tier.clone();
        let mut reader = Reader::new(&self.runtime, tier, PLAIN, LENGTH, 0);
        let read = |(service, request)| async move { read(&service, request).await };
        let asked = move |n| reader.ask(n);
        self.asking.case(name, &self.runtime, LENGTH, asked, read)
    }
}

pub fn cases(how: How, quick: bool) -> Vec<Case<'static>> {
    let Some(stand) = Stand::new(how, quick).map(Rc::new) else {
        return Vec::new();
    };
    vec![
        stand.bare(),
        stand.store("the store alone", Ask::Read),
        stand.store("the store alone, or a lease", Ask::ReadOrLease),
        stand.layer("through the layer"),
    ]
}

const LENGTH: usize = 2 << 10;
