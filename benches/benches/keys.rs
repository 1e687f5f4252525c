//! What declared inputs add to a hit: the same request, answered under keys of more and more parts.
//! Fails when a declared key allocates more than it may.

use std::time::Duration;

use allocation_counter::measure;
use axum::body::Body;
use http::{HeaderValue, Method, Request};
use larder::{Cache, CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_benches::{Case, Rounds, bytes_of, direct, poll_once, request};
use tower::Layer;

fn main() {
    let rounds = Rounds::from_args();
    rounds.group("a hit by key", || cases().map(case).into());
    if !rounds.is_filtered() {
        allocations();
    }
}

fn cases() -> [(&'static str, RoutePolicy); 6] {
    let shared = || RoutePolicy::shared(Duration::from_secs(600));
    let user = RoutePolicy::per_user::<UserId>(Duration::from_secs(600));
    let query = || Key::new().query(["currency", "page", "sort"]);
    let fields = || query().header("x-region").header("x-api-version");
    [
        (
            "path and exact query, nothing declared",
            RoutePolicy::obey(),
        ),
        ("path and exact query", shared()),
        ("3 parameters", shared().key(query())),
        ("3 parameters, 2 headers", shared().key(fields())),
        ("3 parameters, 2 headers, a partition", user.key(fields())),
        (
            "3 parameters, language and coding negotiated",
            shared().key(query().languages(["en", "de"]).encodings(["br", "gzip"])),
        ),
    ]
}

/// Something that answers from the store.
fn stack(route: RoutePolicy) -> impl Fn(Request<Body>) -> usize + 'static {
    let layer = CacheLayer::new(Cache::builder().build()).with_route_policy(route);
    let stack = layer.layer(direct(bytes_of(2 << 10)));
    poll_once(&stack, asked());
    move |request| poll_once(&stack, request)
}

fn case((name, route): (&'static str, RoutePolicy)) -> Case<'static> {
    let stack = stack(route);
    Case::with_input(name, asked, stack)
}

fn allocations() {
    let count = |(name, route)| {
        let stack = stack(route);
        stack(asked());
        let request = asked();
        let counted = measure(|| {
            stack(request);
        });
        println!("| {name} | {} |", counted.count_total);
        counted.count_total
    };
    println!("\n| a hit by key | allocations |\n|---|---:|");
    let [plain, more @ ..] = cases().map(count);
    for counted in more {
        assert!(
            counted <= plain + 1,
            "{counted} allocations, {plain} without declared inputs"
        );
    }
}

/// A request with everything that some key is made of.
fn asked() -> Request<Body> {
    let mut request = request(Method::GET, "/products/42?currency=eur&page=2&sort=name");
    for (name, value) in [("x-region", "eu-west"), ("x-api-version", "2026-11-23")] {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    request.extensions_mut().insert(UserId(7));
    request
}

#[derive(Clone)]
struct UserId(u64);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}
