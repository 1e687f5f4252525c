//! What a hit in memory has of it that other nodes share a store: a look at how long ago the log was
//! heard.

use std::rc::Rc;

use http::Method;
use larder::Cache;
use larder_benches::{Case, poll_once, read, request};
use tokio::runtime::Runtime;

use crate::ask::two_threads;
use crate::stand::{App, cache, redis, tagged, tier};

pub fn cases() -> Vec<Case<'static>> {
    let runtime = two_threads();
    let Some(server) = redis(&runtime) else {
        return Vec::new();
    };
    let attached = runtime.block_on(async { cache(tier(&server).await, 1 << 20).await });
    let kept = Rc::new((runtime, server));
    vec![
        hit(
            "alone",
            &kept.0,
            &Cache::builder().build(),
            Rc::clone(&kept),
        ),
        hit("with a store", &kept.0, &attached, Rc::clone(&kept)),
    ]
}

/// The server is there as long as the case is.
fn hit<T: 'static>(name: &'static str, runtime: &Runtime, cache: &Cache, kept: T) -> Case<'static> {
    let service = App::of(2 << 10).behind(cache, tagged(0));
    let asked = || request(Method::GET, PATH);
    runtime.block_on(read(&service, asked()));
    Case::with_input(name, asked, move |request| {
        let _ = &kept;
        poll_once(&service, request)
    })
}

const PATH: &str = "/products/42?currency=eur";
