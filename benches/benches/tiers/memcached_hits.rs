//! The same in Memcached, beside the least client that there can be.

use std::rc::Rc;

use larder::shared::EntryKey;
use larder_benches::Case;
use larder_memcached::MemcachedTier;
use larder_servers::Memcached;

use crate::ask::How;
use crate::hits::Hits;
use crate::least::Least;
use crate::reader::PLAIN;
use crate::store::Ask;

pub fn cases(how: How, quick: bool) -> Vec<Case<'static>> {
    let runtime = Rc::new(how.runtime());
    let start = Memcached::options().memory(256).start_or_skip();
    let Some(server) = runtime.block_on(start) else {
        return Vec::new();
    };
    let (hits, client) = runtime.block_on(async {
        let tier = MemcachedTier::connect([server.addr().to_string()]).await;
        let tier = tier.expect("a server that answers");
        let hits = Hits::fill(how, &runtime, tier, LENGTH, quick).await;
        (hits, Least::connect(server.addr()).await)
    });
    let name = move |key: EntryKey| {
        // As long as there is a case, there is a server.
        let _ = &server;
        format!("larder1:e:{}", key.primary_text())
    };
    let get = move |name: String| {
        let client = client.clone();
        async move { client.get(&name).await }
    };
    vec![
        hits.bare("bare `mg`", name, get),
        hits.store("the store alone", Ask::Read),
        hits.store("the store alone, or a lease", Ask::ReadOrLease),
        hits.layer("through the layer", PLAIN, 0),
    ]
}

const LENGTH: usize = 2 << 10;
