//! What it costs to write a stored response for a shared store, and to read it. Fails when reading
//! allocates more than it may.

use std::time::{Duration, SystemTime};

use allocation_counter::measure;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use larder::internals::{Frames, Read, Stored};
use larder_benches::{Case, Rounds};
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, Policy, RequestHead, StoredHead};

fn main() {
    let rounds = Rounds::from_args();
    for kib in [2, 64] {
        rounds.group(&format!("a frame, {kib} KiB"), || cases(kib << 10));
    }
    if !rounds.is_filtered() {
        allocations();
    }
}

fn cases(bytes: usize) -> Vec<Case<'static>> {
    let case = |(secret, how)| {
        let frames = || Frames::new(PRIMARY_KEY, secret);
        let (writer, reader) = (frames(), frames());
        let stored = stored(bytes);
        let frame = writer.encode(&stored).expect("a frame");
        [
            Case::with_input(
                format!("encode{how}"),
                || (),
                move |()| writer.encode(&stored),
            ),
            Case::with_input(
                format!("decode{how}"),
                || (),
                move |()| reader.decode(&frame, now()),
            ),
        ]
    };
    let manners = [(None, ""), (Some(SECRET), ", signed")];
    manners.into_iter().flat_map(case).collect()
}

/// Of the frame as a client of a store has it: bytes that nobody has cloned yet.
fn allocations() {
    let frames = Frames::new(PRIMARY_KEY, None);
    for kib in [2, 64] {
        let frame = frames.encode(&stored(kib << 10)).expect("a frame");
        let frame = Bytes::from(frame.to_vec());
        let mut read = None;
        let counted = measure(|| read = Some(frames.decode(&frame, now()))).count_total;
        assert!(matches!(read, Some(Ok(Read::Response { .. }))));
        println!(
            "decode, {kib} KiB, {} bytes: {counted} allocations",
            frame.len()
        );
        assert!(counted <= 9, "{counted} allocations");
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// With twelve fields and ten tags.
fn stored(bytes: usize) -> Stored {
    let tags: Vec<u64> = (0..10u64)
        .map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .collect();
    let body: Vec<u8> = (0..bytes).map(|at| ((at * 31) >> 3) as u8).collect();
    Stored::new(head(), body.into(), &tags, now())
}

fn head() -> StoredHead {
    let (method, uri, sent) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
    let request = RequestHead::new(&method, &uri, &sent, false);
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    let came = FIELDS.iter().map(field).collect();
    let times = Exchange {
        request_time: now(),
        response_time: now(),
    };
    match Policy::shared().admit(MethodClass::Get, &request, StatusCode::OK, &came, times) {
        Admission::Store(head) => *head,
        other => panic!("{other:?}"),
    }
}

const SECRET: &[u8] = b"of thirty-two bytes, or of more.";

const PRIMARY_KEY: &[u8] = b"\x01G\x06https\x15shop.example.com:8443\x0d/products/42\x0dcurrency=eur&page=2&sort=name\x00user=1234567";

/// Ten, to which the cache adds `Age` and `Cache-Status`.
const FIELDS: [(&str, &str); 10] = [
    (
        "cache-control",
        "public, max-age=600, stale-while-revalidate=30",
    ),
    ("content-type", "application/json; charset=utf-8"),
    ("content-length", "2048"),
    ("content-language", "en-GB"),
    ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
    ("etag", "\"33a64df551425fcc55e4d42a148795d9f25f89d4\""),
    ("last-modified", "Wed, 13 Jan 2027 07:28:00 GMT"),
    ("server", "shop/1.2"),
    (
        "strict-transport-security",
        "max-age=63072000; includeSubDomains",
    ),
    ("x-content-type-options", "nosniff"),
];
