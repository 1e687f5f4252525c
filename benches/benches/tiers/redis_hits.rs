//! Hits in Redis, beside a bare `GET` of the same bytes.

use std::rc::Rc;

use larder::shared::EntryKey;
use larder_benches::Case;

use crate::ask::How;
use crate::bare;
use crate::hits::Hits;
use crate::reader::{PLAIN, TAGGED};
use crate::stand::{redis, tier};
use crate::store::Ask;

pub fn cases(how: How, length: usize, quick: bool) -> Vec<Case<'static>> {
    let runtime = Rc::new(how.runtime());
    let Some(server) = redis(&runtime) else {
        return Vec::new();
    };
    let (hits, client) = runtime.block_on(async {
        let tier = tier(&server).await;
        let client = bare::connect(&server.url()).await;
        let hits = Hits::fill(how, &runtime, tier, length, quick).await;
        hits.add(TAGGED, 10).await;
        (hits, client)
    });
    let name = move |key: EntryKey| {
        // As long as there is a case, there is a server.
        let _ = &server;
        format!("larder1::{{{}}}:e", key.primary_text())
    };
    let get = move |name| bare::get(client.clone(), name);
    vec![
        hits.bare("bare `GET`", name, get),
        hits.store("the store alone", Ask::Read),
        hits.store("the store alone, or a lease", Ask::ReadOrLease),
        hits.layer("through the layer", PLAIN, 0),
        hits.layer("through the layer, 10 tags", TAGGED, 10),
    ]
}
