//! One stored response, and what writes and reads it.

mod keys;
mod refused;
mod round_trip;
mod rule;
mod signer;
mod version;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, Method, StatusCode, Uri};
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, Policy, RequestHead, StoredHead};

use super::*;
use crate::entry::{Birth, Entry};
use crate::names::{Names, Source};
use crate::shared::LogPosition;
use crate::sight::Sight;

const PRIMARY: &[u8] = b"primary key";
const LIMITS: FrameLimits = FrameLimits {
    max_body_bytes: 1 << 20,
    max_header_bytes: 64 << 10,
    max_names: 100,
};

fn codec() -> Codec {
    Codec::new(LIMITS).with_secret(b"of the fleet")
}

fn signing(secret: &[u8; 16]) -> Codec {
    codec().with_signer(Signer::new(secret).unwrap())
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

fn born() -> LogPosition {
    LogPosition::new(1_800_000_000_000, 5)
}

fn head() -> StoredHead {
    let (method, uri) = (Method::GET, Uri::from_static("/a"));
    let sent = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html"))]);
    let request = RequestHead::new(&method, &uri, &sent, false);
    let came = HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static("max-age=60")),
        (VARY, HeaderValue::from_static("accept")),
        (
            HeaderName::from_static("x-a"),
            HeaderValue::from_static("some value"),
        ),
    ]);
    let times = Exchange {
        request_time: now(),
        response_time: now(),
    };
    let policy = Policy::shared();
    match policy.admit(MethodClass::Get, &request, StatusCode::OK, &came, times) {
        Admission::Store(head) => *head,
        other => panic!("{other:?}"),
    }
}

fn head_of(came: &HeaderMap) -> StoredHead {
    let (method, uri, sent) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
    let request = RequestHead::new(&method, &uri, &sent, false);
    let times = Exchange {
        request_time: now(),
        response_time: now(),
    };
    match Policy::shared().admit(MethodClass::Get, &request, StatusCode::OK, came, times) {
        Admission::Store(head) => *head,
        other => panic!("{other:?}"),
    }
}

fn entry(body: impl Into<Bytes>) -> Entry {
    let names = Names::of_request(&[1, 2]).with(Source::Fields, &[7, 8, u64::MAX]);
    let birth = Birth {
        position: 1,
        names,
        time: now() - Duration::from_millis(250),
        sight: Sight::default(),
    };
    Entry::new(head(), body.into(), birth, Duration::from_millis(77))
}

fn frame_of(codec: &Codec, body: &'static str) -> Bytes {
    let key = codec.key(PRIMARY);
    codec.encode(&key, &entry(body), born(), 0).unwrap()
}

fn read(codec: &Codec, frame: impl Into<Bytes>) -> Result<Decoded, FrameError> {
    codec.decode(&codec.key(PRIMARY), &frame.into(), now(), 0)
}

fn why(codec: &Codec, frame: impl Into<Bytes>) -> &'static str {
    read(codec, frame).map_or_else(FrameError::as_str, |_| "nothing")
}

fn checksum(frame: &mut [u8]) {
    let length = u32::from_le_bytes(frame[4..8].try_into().unwrap()) as usize;
    let mut hash = crc32fast::Hasher::new();
    hash.update(&frame[..16]);
    hash.update(&frame[20..length]);
    let checksum = hash.finalize();
    frame[16..20].copy_from_slice(&checksum.to_le_bytes());
}
