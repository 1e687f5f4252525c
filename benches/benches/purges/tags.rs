//! What tags add to a hit, to a miss, and to a forward of what is not stored.

use std::convert::Infallible;

use axum::body::Body;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Request};
use larder::{CacheLayer, Purge};
use larder_benches::{Case, Response, bytes_of, poll_once, request, requests};
use tower::{Layer, service_fn};

use crate::responses::{fill, large, path_of, service, tagged};

pub fn hits() -> Vec<Case<'static>> {
    let hit = |name: &'static str, tags| {
        let service = service(&large(), tagged(tags));
        fill(&service, 1);
        let asked = requests(&path_of(0));
        Case::with_input(name, asked, move |request| poll_once(&service, request))
    };
    vec![
        hit("no tag", 0),
        hit("10 tags", 10),
        spread("no tag, one of 64", 0, false),
        spread("10 tags, one of 64", 10, false),
        spread("no tag, one of 64, the first after another purge", 0, true),
        spread(
            "10 tags, one of 64, the first after another purge",
            10,
            true,
        ),
    ]
}

/// One response after the other, with a purge of something else before each round of them.
fn spread(name: &'static str, tags: usize, purging: bool) -> Case<'static> {
    let cache = large();
    let service = service(&cache, tagged(tags));
    fill(&service, 64);
    let mut turn = 0;
    let asked = move || {
        turn += 1;
        if turn % 64 == 0 && purging {
            cache.purge(Purge::tag(format!("other:{}", turn % 1_024)));
        }
        request(Method::GET, &path_of(turn % 64))
    };
    Case::with_input(name, asked, move |request| poll_once(&service, request))
}

pub fn misses() -> Vec<Case<'static>> {
    let miss = |name: &'static str, tags| {
        // Small enough that it is full soon and stays so.
        let cache = larder::Cache::builder().max_bytes(4 << 20).build();
        let service = service(&cache, tagged(tags));
        let mut turn = 0;
        let asked = move || {
            turn += 1;
            request(Method::GET, &path_of(turn))
        };
        Case::with_input(name, asked, move |request| poll_once(&service, request))
    };
    vec![miss("no tag", 0), miss("10 tags", 10)]
}

pub fn forwards() -> Vec<Case<'static>> {
    let forward = |name: &'static str, tags| {
        let handler = service_fn(|_: Request<Body>| async {
            let mut response = Response::new(Body::from(bytes_of(200)));
            let field = HeaderValue::from_static("no-store");
            response.headers_mut().insert(CACHE_CONTROL, field);
            Ok::<_, Infallible>(response)
        });
        let layer = CacheLayer::new(large()).with_collapsing(false);
        let service = layer.with_route_policy(tagged(tags)).layer(handler);
        let asked = requests(&path_of(0));
        Case::with_input(name, asked, move |request| poll_once(&service, request))
    };
    vec![forward("no tag", 0), forward("10 tags", 10)]
}
