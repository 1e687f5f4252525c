//! What each question to the policy costs.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use larder_policy::fields::{CacheStatus, ResponseDirectives, parse_range};
use larder_policy::key::{KeyBuf, MethodClass, Partition, Selection, Vary};
use larder_policy::{Admission, Answer, Exchange, Policy, Representation, RequestHead, StoredHead};

criterion_group!(benches, fields, requests, responses);
criterion_main!(benches);

fn fields(c: &mut Criterion) {
    for (name, value) in [("typical", TYPICAL), ("long", LONG)] {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
        c.bench_function(&format!("Cache-Control, {name}"), |b| {
            b.iter(|| ResponseDirectives::from_headers(black_box(&headers)));
        });
    }
    let headers = map(&[("range", "bytes=1000-1999")]);
    c.bench_function("Range", |b| {
        b.iter(|| parse_range(black_box(&headers), 1 << 20));
    });
}

fn requests(c: &mut Criterion) {
    let uri = uri();
    for lines in [0, 8, 20] {
        let headers = map(REQUEST.get(..lines).expect("as many lines"));
        c.bench_function(&format!("RequestHead::new, {lines} fields"), |b| {
            b.iter(|| RequestHead::new(&Method::GET, black_box(&uri), black_box(&headers), false));
        });
    }
    let headers = map(REQUEST);
    let head = RequestHead::new(&Method::GET, &uri, &headers, false);
    let policy = Policy::shared();
    c.bench_function("lookup", |b| b.iter(|| policy.lookup(black_box(&head))));
    c.bench_function("key", |b| {
        b.iter(|| {
            let mut key = KeyBuf::new();
            let target = policy.target(black_box(&head)).expect("a target");
            let partition = Partition::shared();
            policy.key_into(MethodClass::Get, &head, &target, &partition, &mut key);
            key
        });
    });
    let names = [ACCEPT_ENCODING, ACCEPT_LANGUAGE];
    let selection = Selection::of(&names, &headers);
    c.bench_function("Vary, two fields", |b| {
        b.iter(|| selection.matches(black_box(&headers)));
    });
    let mut varied = map(RESPONSE);
    varied.insert("vary", HeaderValue::from_static("Accept-Encoding, Origin"));
    c.bench_function("Vary, parse", |b| {
        b.iter(|| Vary::from_headers(black_box(&varied)));
    });
}

fn responses(c: &mut Criterion) {
    let (uri, headers, received) = (uri(), map(REQUEST), map(RESPONSE));
    let head = RequestHead::new(&Method::GET, &uri, &headers, false);
    let policy = Policy::shared();
    let stored = admitted(&policy, &head, &received);
    let now = times().response_time + Duration::from_secs(10);
    c.bench_function("decide, fresh", |b| {
        b.iter(|| policy.decide(black_box(&head), black_box(&stored), now));
    });
    let whole = Representation::new(&stored, None, 2 << 10);
    let age = Duration::from_secs(10);
    let status = CacheStatus::hit(590);
    c.bench_function("answer, full", |b| {
        b.iter(|| {
            let mut headers = HeaderMap::new();
            policy.answer_head(
                Answer::Full,
                black_box(&head),
                &whole,
                age,
                &status,
                &mut headers,
            );
            headers
        });
    });
    c.bench_function("admit", |b| {
        b.iter(|| admitted(&policy, black_box(&head), black_box(&received)));
    });
    let not_modified = map(&[
        ("etag", "\"33a64df551425fcc\""),
        ("cache-control", "max-age=60"),
    ]);
    c.bench_function("freshen", |b| {
        b.iter_batched(
            times,
            |times| policy.freshen(black_box(&stored), &head, black_box(&not_modified), times),
            BatchSize::SmallInput,
        );
    });
}

fn admitted(policy: &Policy, request: &RequestHead<'_>, received: &HeaderMap) -> Box<StoredHead> {
    match policy.admit(MethodClass::Get, request, StatusCode::OK, received, times()) {
        Admission::Store(stored) => stored,
        other => panic!("{other:?}"),
    }
}

fn uri() -> Uri {
    Uri::from_static("/products/42?currency=eur&page=3")
}

fn times() -> Exchange {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    Exchange {
        request_time: now,
        response_time: now,
    }
}

fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        })
        .collect()
}

const TYPICAL: &str = "public, max-age=600, stale-while-revalidate=30";
const LONG: &str = "public, max-age=600, s-maxage=3600, stale-while-revalidate=30, \
     stale-if-error=86400, must-revalidate, no-transform, immutable, \
     no-cache=\"set-cookie, x-request-id\", community=\"UCI\", x-a=1, x-b=\"a, b\"";

/// What a browser sends, with what a proxy and two tracing systems add.
const REQUEST: &[(&str, &str)] = &[
    ("host", "shop.example"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"),
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("accept-language", "de,en-US;q=0.7,en;q=0.3"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("connection", "keep-alive"),
    ("referer", "https://shop.example/products"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-user", "?1"),
    ("upgrade-insecure-requests", "1"),
    ("dnt", "1"),
    ("priority", "u=0, i"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-request-id", "0b5c6c1e-4f3a-4d59-9a44-0c7c7a0d4b7e"),
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("tracestate", "congo=t61rcWkgMzE"),
    ("x-b3-sampled", "1"),
    ("via", "1.1 edge"),
];

const RESPONSE: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("cache-control", TYPICAL),
    ("etag", "\"33a64df551425fcc\""),
    ("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT"),
    ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
    ("x-content-type-options", "nosniff"),
];
