//! What cannot be put.

use bytes::Bytes;
use http::Response;
use larder::policy::{BypassReason, SkipReason};
use larder::{Cache, CacheLayer, DoNotStore, PutError, RoutePolicy};
use larder_tests::{get, request};

use crate::put::{minute, route, value};
use crate::users::UserNumber;

#[tokio::test]
async fn what_may_not_be_stored_is_refused_and_nothing_stands_there() {
    let opted_out = {
        let mut response = value(&[], "secret");
        response.extensions_mut().insert(DoNotStore);
        response
    };
    let status = |status: u16| {
        Response::builder()
            .status(status)
            .body(Bytes::new())
            .unwrap()
    };
    let says = |says: &'static str| value(&[("cache-control", says)], "body");
    let refused = [
        (SkipReason::NoStore, says("no-store")),
        (SkipReason::Private, says("private")),
        (SkipReason::CacheControlMalformed, says("max-age=\"")),
        (SkipReason::SetCookie, value(&[("set-cookie", "a=b")], "")),
        (SkipReason::Vary, value(&[("vary", "*")], "")),
        (SkipReason::OptedOut, opted_out),
        (SkipReason::Status, status(503)),
        (SkipReason::Status, status(304)),
        (SkipReason::Partial, status(206)),
        (
            SkipReason::BodyTooLarge,
            value(&[], &"x".repeat((1 << 20) + 1)),
        ),
        (
            SkipReason::HeadersTooLarge,
            value(&[("a", &"x".repeat(64 << 10))], ""),
        ),
        (
            SkipReason::BodyIncomplete,
            value(&[("content-length", "4")], "body!"),
        ),
        (
            SkipReason::BodyIncomplete,
            value(&[("content-length", "6")], "body!"),
        ),
    ];
    let setup = route(&minute());
    let count = refused.len() as u64;
    for (reason, response) in refused {
        let put = setup.cache.put(&get("/a"), response, &minute());
        assert_eq!(put.unwrap_err(), PutError::NotStorable(reason), "{reason}");
    }
    let stats = setup.cache.stats();
    assert_eq!((stats.responses(), stats.puts()), (0, 0));
    assert_eq!((stats.puts_refused(), stats.not_stored()), (count, count));
    let unlimited = setup
        .cache
        .put(&get("/a"), value(&[], ""), &RoutePolicy::obey());
    let reason = PutError::NotStorable(SkipReason::Useless);
    assert_eq!(unlimited.unwrap_err(), reason);
}

#[tokio::test]
async fn answer_to_what_nobody_would_look_up_is_refused() {
    let bypass = PutError::NotLookedUp;
    let long = format!("/{}", "a".repeat(20_000));
    for (method, path, fields, reason) in [
        ("POST", "/a", &[][..], PutError::Method),
        ("QUERY", "/a", &[], PutError::Method),
        (
            "GET",
            "/a",
            &[("if-match", "*")],
            bypass(BypassReason::Conditional),
        ),
        (
            "GET",
            "/a",
            &[("x-original-url", "/b")],
            bypass(BypassReason::Override),
        ),
        ("GET", &long, &[], bypass(BypassReason::UriTooLong)),
        (
            "GET",
            "/a",
            &[("host", "a b")],
            bypass(BypassReason::InvalidHost),
        ),
        (
            "GET",
            "/a",
            &[("cache-control", "no-store")],
            PutError::NotStorable(SkipReason::RequestNoStore),
        ),
    ] {
        let setup = route(&minute());
        let asked = request(method, path, fields);
        let put = setup.cache.put(&asked, value(&[], "body"), &minute());
        assert_eq!(put.unwrap_err(), reason, "{method} {fields:?}");
        assert_eq!(setup.cache.stats().responses(), 0);
    }
    let cache = Cache::builder().build();
    let query = request("QUERY", "/a", &[("content-type", "text/plain")]);
    let put = cache.put(&query, value(&[], "body"), &minute().query_method());
    assert_eq!(put.unwrap_err(), bypass(BypassReason::Content));
}

#[tokio::test]
async fn credentials_of_a_put_are_treated_as_those_of_a_client() {
    let bearer = request("GET", "/a", &[("authorization", "Bearer a")]);
    let cache = Cache::builder().build();
    let obeying = CacheLayer::new(cache.clone());
    let told = [("cache-control", "max-age=60")];
    let put = obeying.put(&bearer, value(&told, "whose?"));
    let reason = PutError::NotStorable(SkipReason::Authorization);
    assert_eq!(put.unwrap_err(), reason);
    // What a route withholds from its handler is none of the response's.
    let _ = cache.put(&bearer, value(&told, "all"), &minute()).unwrap();
}

#[tokio::test]
async fn what_gives_its_caller_away_is_not_put_for_others() {
    let policy = minute().tripwire(|extensions, _| {
        let user = extensions.get::<UserNumber>();
        let names = larder::IdentityStrings::new();
        user.map_or(names.clone(), |user| {
            names.add(format!("user-{:06}", user.0))
        })
    });
    let setup = route(&policy);
    let mut asked = get("/a");
    asked.extensions_mut().insert(UserNumber(7));
    let put = setup
        .cache
        .put(&asked, value(&[], "hello user-000007"), &policy);
    let reason = PutError::NotStorable(SkipReason::Tripwire);
    assert_eq!(put.unwrap_err(), reason);
    let _ = setup
        .cache
        .put(&asked, value(&[], "hello"), &policy)
        .unwrap();
}
