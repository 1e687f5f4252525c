//! A response that another node has stored in Redis: the whole way of its request, and the call of the
//! store alone, beside a bare `GET` of the same bytes.

use std::rc::Rc;

use larder::shared::EntryStore;
use larder_benches::{Case, read};
use larder_redis::RedisTier;
use larder_servers::Redis;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

use crate::ask::{Asking, How, keys};
use crate::bare;
use crate::reader::{PLAIN, Reader, TAGGED};
use crate::stand::{fill, frame, redis, tier};
use crate::store::{Ask, copy, get, key};

/// A server with responses in it: some without tags, some with ten, and copies of one of the first under
/// keys that are known here.
struct Stand {
    asking: Asking,
    runtime: Rc<Runtime>,
    _server: Redis,
    tier: RedisTier,
    client: MultiplexedConnection,
    /// Of what stands in the store.
    frame: usize,
    /// Of a body.
    length: usize,
}

impl Stand {
    fn new(how: How, length: usize, quick: bool) -> Option<Self> {
        let keys = keys(length, quick);
        let runtime = how.runtime();
        let server = redis(&runtime)?;
        let (tier, client, frame) = runtime.block_on(async {
            let tier = tier(&server).await;
            let client = bare::connect(&server.url()).await;
            fill(tier.clone(), PLAIN, keys, length, 0).await;
            fill(tier.clone(), TAGGED, keys, length, 10).await;
            let frame = frame(length).await;
            for number in 0..keys {
                let put = copy(number, &frame);
                tier.put(&put).await.expect("it is stored");
            }
            (tier, client, frame.len())
        });
        Some(Self {
            asking: Asking { how, keys },
            runtime: Rc::new(runtime),
            _server: server,
            tier,
            client,
            frame,
            length,
        })
    }

    fn bare(self: &Rc<Self>) -> Case<'static> {
        // As long as there is a case, there is a server.
        let (stand, client) = (Rc::clone(self), self.client.clone());
        let name = move |n| {
            let _ = &stand;
            format!("larder1::{{{}}}:e", key(n).primary_text())
        };
        let get = move |name| bare::get(client.clone(), name);
        self.asking
            .case("bare `GET`", &self.runtime, self.frame, name, get)
    }

    fn store(&self, name: &'static str, ask: Ask) -> Case<'static> {
        let tier = self.tier.clone();
        let get = move |key| get(tier.clone(), key, ask);
        self.asking.case(name, &self.runtime, self.frame, key, get)
    }

    fn layer(&self, name: &'static str, under: &'static str, tags: usize) -> Case<'static> {
        let tier = self.tier.clone();
        let mut reader = Reader::new(&self.runtime, tier, under, self.length, tags);
        let read = |(service, request)| async move { read(&service, request).await };
        let asked = move |n| reader.ask(n);
        self.asking
            .case(name, &self.runtime, self.length, asked, read)
    }
}

pub fn cases(how: How, length: usize, quick: bool) -> Vec<Case<'static>> {
    let Some(stand) = Stand::new(how, length, quick).map(Rc::new) else {
        return Vec::new();
    };
    vec![
        stand.bare(),
        stand.store("the store alone", Ask::Read),
        stand.store("the store alone, or a lease", Ask::ReadOrLease),
        stand.layer("through the layer", PLAIN, 0),
        stand.layer("through the layer, 10 tags", TAGGED, 10),
    ]
}
