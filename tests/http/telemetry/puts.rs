//! What is told of values that the application puts into the store.

use bytes::Bytes;
use http::{Request, Response};
use larder::{Cache, RoutePolicy};
use larder_tests::get;

use super::watch::watch;
use crate::scene::secs;

#[test]
fn puts_are_events_and_numbers() {
    let seen = watch(async {
        let cache = Cache::builder().build();
        let policy = RoutePolicy::shared(secs(60));
        let put = |request: &Request<_>, status: u16, policy: &RoutePolicy| {
            let response = Response::builder().status(status);
            let response = response.body(Bytes::from("body")).unwrap();
            cache.put(request, response, policy).is_ok()
        };
        assert!(put(&get("/a"), 200, &policy));
        assert!(!put(&get("/a"), 503, &policy));
        let bad_host = larder_tests::request("GET", "/a", &[("host", "a b")]);
        assert!(!put(&bad_host, 200, &policy));
        cache
    });
    let expected = [
        "stored body_bytes=4",
        "put body_bytes=4",
        "not-stored reason=status",
        "put-refused reason=status",
        "put-refused reason=invalid-host",
    ];
    assert_eq!(seen.events, expected);
    let stats = seen.stats;
    assert_eq!((stats.puts(), stats.puts_refused()), (1, 2));
    assert_eq!((stats.stored(), stats.not_stored()), (1, 1));
    for (name, count) in [
        ("larder_puts_total stored", 1),
        ("larder_puts_total refused status", 1),
        ("larder_puts_total refused invalid-host", 1),
        ("larder_responses_total stored", 1),
        ("larder_responses_total not-stored status", 1),
    ] {
        assert_eq!(seen.counters.get(name), Some(&count), "{name}");
    }
}
