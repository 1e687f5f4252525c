//! How long a purge takes whoever makes it, with a million stored responses that it hits and with
//! none.

use std::hint::black_box;
use std::time::Instant;

use larder::{Cache, CacheLayer, Key, Purge, RoutePolicy};
use larder_benches::direct;
use tower::Layer;

use crate::responses::{fill, large, path_of, quantile, service, tagged};

type Make = fn(u64) -> Purge;

pub fn print(quick: bool) {
    let (stored, turns) = if quick {
        (1_000, 10)
    } else {
        (1_000_000, 20_000)
    };
    let (empty, full, routes) = (large(), large(), large());
    fill(&service(&full, tagged(9).tag("hot")), stored);
    let _kept: Vec<_> = (0..200).map(|route| annotated(&routes, route)).collect();
    println!(
        "\n| a purge, ns | empty, median | 99 % | of {stored}, median | 99 % | 200 routes, median | 99 % |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (name, make) in CASES {
        let caches = [&empty, &full, &routes];
        let mut times = [const { Vec::new() }; 3];
        for turn in 0..turns {
            for at in 0..caches.len() {
                let at = (at + turn as usize) % caches.len();
                let purge = make(turn);
                let start = Instant::now();
                black_box(caches[at].purge(purge));
                times[at].push(start.elapsed().as_nanos() as u64);
            }
        }
        let cells = times.iter_mut().map(|times| {
            let (median, most) = (quantile(times, 0.5), quantile(times, 0.99));
            format!(" {median} | {most} |")
        });
        println!("| {name} |{}", cells.collect::<String>());
    }
}

const CASES: [(&str, Make); 9] = [
    ("a tag that all have", |_| Purge::tag("hot")),
    ("the same, soft", |_| Purge::tag("hot").soft()),
    ("a tag, another each time", |turn| {
        Purge::tag(format!("new:{turn}"))
    }),
    ("10 tags", |turn| {
        Purge::any_tag((0..10).map(|tag| format!("{tag}:{}", path_of(turn % 1_000))))
    }),
    ("what has both of two tags", |turn| {
        Purge::all_tags(["hot".to_owned(), format!("0:{}", path_of(turn % 1_000))])
    }),
    ("the same, another each time", |turn| {
        Purge::all_tags(["hot".to_owned(), format!("other:{turn}")])
    }),
    ("a URL", |turn| url(&path_of(turn % 1_000))),
    ("a URL with a query", |turn| {
        url(&format!(
            "https://shop.example{}?currency=eur&page={turn}",
            path_of(turn % 1_000)
        ))
    }),
    ("a prefix", |_| Purge::prefix("/products").expect("a path")),
];

fn url(url: &str) -> Purge {
    Purge::url(url).expect("a URL")
}

/// One of many routes, of which half let some of the query count.
fn annotated(cache: &Cache, number: usize) -> impl Clone + use<> {
    let key = match number % 4 {
        0 | 1 => Key::new(),
        2 => Key::new().query(["currency", "page"]),
        _ => Key::new().query([format!("only{number}")]),
    };
    let policy = RoutePolicy::shared(std::time::Duration::from_secs(600)).key(key);
    let layer = CacheLayer::new(cache.clone()).with_route_policy(policy);
    layer.layer(direct(bytes::Bytes::new()))
}
