//! What a hit costs: time, time on two threads, allocations.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request};
use larder_benches::{Case, Rounds, Times, handler, request};
use tokio::runtime::Runtime;

use crate::contender::{LARDER, PEERS, Place, bare, larder_direct};
use crate::stand::Stand;
use crate::{settle, threads};

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) of: Of,
    pub(crate) small: Times,
    pub(crate) large: Times,
    pub(crate) allocations: u64,
    /// How much more two threads answer than one: each with keys of its own, and both the same key.
    pub(crate) apart: f64,
    pub(crate) hot: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Bare,
    Larder(Place),
    LarderDirect,
    /// Which of [`PEERS`].
    Peer(usize, Place),
}

type Stands = Vec<(Of, String, Box<dyn Stand>)>;

pub(crate) fn measured(runtime: &Runtime, rounds: &Rounds) -> Vec<Row> {
    let small = stands(json(2 << 10));
    let large = stands(json(50 << 10));
    for (_, name, stand) in small.iter().chain(&large) {
        runtime.block_on(warm(name, &**stand));
    }
    let times = |stands: &Stands| -> Vec<Times> {
        let cases = stands.iter();
        let cases = cases.map(|(_, name, stand)| one(runtime, name, &**stand));
        rounds.times(cases.collect())
    };
    let (small_times, large_times) = (times(&small), times(&large));
    let alone = small.iter().zip(&small_times);
    let alone = alone.map(|((_, _, stand), times)| (&**stand, times.median()));
    let more = threads::more(rounds, &alone.collect::<Vec<_>>());
    let mut rows = Vec::new();
    for (at, (of, name, stand)) in small.into_iter().enumerate() {
        rows.push(Row {
            name,
            of,
            small: small_times[at].clone(),
            large: large_times[at].clone(),
            allocations: allocations(runtime, &*stand),
            apart: more[at].0,
            hot: more[at].1,
        });
    }
    rows
}

fn stands(body: Bytes) -> Stands {
    let route = || handler(body.clone());
    let before =
        |contender: &crate::contender::Contender, place| (contender.before)(place, route());
    let mut stands: Stands = vec![
        (Of::Bare, "bare handler".to_owned(), bare(route())),
        (
            Of::Larder(Place::Route),
            "**larder, on the route**".to_owned(),
            before(&LARDER, Place::Route),
        ),
        (
            Of::Larder(Place::Around),
            "**larder, around the router**".to_owned(),
            before(&LARDER, Place::Around),
        ),
        (
            Of::LarderDirect,
            "**larder, called directly**".to_owned(),
            larder_direct(body.clone()),
        ),
    ];
    for (place, words) in [
        (Place::Route, "on the route"),
        (Place::Around, "around the router"),
    ] {
        for (at, peer) in PEERS.iter().enumerate() {
            let name = format!("{}, {words}", peer.name);
            stands.push((Of::Peer(at, place), name, before(peer, place)));
        }
    }
    stands
}

/// Fills what is asked for later, and sees that each answers with the same four fields and the body.
async fn warm(name: &str, stand: &dyn Stand) {
    for key in 0..2 * KEYS {
        for _ in 0..3 {
            let answer = stand.answer(get(key)).await;
            assert!(answer.status.is_success(), "{name}: {}", answer.status);
            assert!(answer.body.starts_with(b"[{\"id\":1,"), "{name}: the body");
            for field in ["content-type", "cache-control", "etag", "last-modified"] {
                assert!(answer.fields.contains_key(field), "{name}: {field}");
            }
            settle().await;
        }
    }
}

/// One key, asked for again and again on this thread.
fn one<'a>(runtime: &'a Runtime, name: &str, stand: &'a dyn Stand) -> Case<'a> {
    Case::new(name, move |iterations| {
        let mut time = Duration::ZERO;
        let mut left = iterations as usize;
        while left > 0 {
            let batch = left.min(64);
            let requests = (0..batch).map(|_| get(0)).collect();
            time += runtime.block_on(stand.time(requests));
            left -= batch;
        }
        time
    })
}

/// The median of some hits: now and then one has an engine's work to do.
fn allocations(runtime: &Runtime, stand: &dyn Stand) -> u64 {
    let _entered = runtime.enter();
    let mut counts: Vec<u64> = (0..15).map(|_| stand.allocations(get(0))).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

pub(crate) fn get(key: usize) -> Request<Body> {
    request(Method::GET, &format!("/products/{key}?currency=eur"))
}

/// An array of products of this length, with spaces at its end.
fn json(length: usize) -> Bytes {
    let mut text = String::from("[");
    for id in 1.. {
        let product =
            format!("{{\"id\":{id},\"name\":\"Jar\",\"price\":12.5,\"tags\":[\"a\",\"b\"]}},");
        if text.len() + product.len() > length {
            break;
        }
        text.push_str(&product);
    }
    text.pop();
    text.push(']');
    let text = format!("{text:length$}");
    // Static, so that the bare handler has nothing to count.
    Bytes::from_static(String::leak(text).as_bytes())
}

/// How many keys a thread has for itself.
pub(crate) const KEYS: usize = 16;
