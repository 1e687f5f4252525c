//! Frames of stored responses and of rules.
//!
//! Input: a letter, and bytes. After
//!
//! - `r` a frame as a store may give it;
//! - `h` what stands in a frame before the body, which is sound otherwise;
//! - `u` the same of a rule;
//! - `c` changes to a real frame, each of three bytes: a place (big-endian) and what it is XORed with.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use larder::internals::{Frames, Read, Stored};
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, Policy, RequestHead, StoredHead};

/// Whatever a store gives is read or refused; what is read is nothing of the future, can be asked every
/// question, and is the same when it is written again. What is damaged is refused, and what is signed
/// is refused when it is anything but the original.
pub fn frame(input: &[u8]) {
    let (signed, unsigned) = (frames(Some(SECRET)), frames(None));
    match input.split_first() {
        Some((b'r', frame)) => {
            let frame = Bytes::copy_from_slice(frame);
            assert!(signed.decode(&frame, now()).is_err(), "an invented frame");
            look(&unsigned, &frame);
        }
        Some((b'h', head)) => inside(&unsigned, 0, head),
        Some((b'u', head)) => inside(&unsigned, RULE, head),
        Some((b'c', changes)) => {
            let real_one = real(&signed);
            let frame = changed(&real_one, changes);
            assert_eq!(signed.decode(&frame, now()).is_ok(), frame == real_one);
            // A checksum can be guessed.
            look(&unsigned, &changed(&real(&unsigned), changes));
        }
        _ => {}
    }
}

fn frames(secret: Option<&[u8]>) -> Frames {
    Frames::new(b"GET https://ex.com/a", secret)
}

fn inside(frames: &Frames, flags: u8, head: &[u8]) {
    let body: &[u8] = if flags == RULE { b"" } else { b"body" };
    if let Some(frame) = frames.around(flags, head, body) {
        look(frames, &frame);
    }
}

fn look(frames: &Frames, frame: &Bytes) {
    match frames.decode(frame, now()) {
        Err(why) => assert!(!why.is_empty()),
        Ok(Read::Rule(names, _)) => {
            let again = frames.encode_rule(&names).expect("no more than was read");
            let Ok(Read::Rule(read, _)) = frames.decode(&again, now()) else {
                panic!("a rule that is not read again");
            };
            assert_eq!(read, names);
        }
        Ok(Read::Response {
            head,
            body,
            names,
            times,
            ..
        }) => {
            assert!(times.iter().all(|time| *time <= now()), "{times:?}");
            let told = ask(&head);
            let stored = Stored::new(*head, body.clone(), &names, times[0]);
            let again = frames.encode(&stored).expect("no more than was read");
            let Ok(Read::Response {
                head, body: same, ..
            }) = frames.decode(&again, now())
            else {
                panic!("a response that is not read again");
            };
            assert_eq!(ask(&head), told);
            assert_eq!(same, body);
        }
        Ok(_) => {}
    }
}

/// All that can be asked, as text.
fn ask(head: &StoredHead) -> String {
    let (method, uri, sent) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
    let request = RequestHead::new(&method, &uri, &sent, false);
    let policy = Policy::shared();
    let decided = [0, 1, 100].map(|secs| {
        let then = now() + Duration::from_secs(secs);
        (head.serving(then), policy.decide(&request, head, then))
    });
    let mut restored = HeaderMap::new();
    head.selection().restore(&mut restored);
    let matches = head.selection().matches(&restored);
    let tags = head.tags(policy.tag_fields());
    format!("{head:?} {decided:?} {restored:?} {matches} {tags:?}")
}

fn real(frames: &Frames) -> Bytes {
    let (method, uri) = (Method::GET, Uri::from_static("/a"));
    let sent = fields(&[("accept", "text/html")]);
    let came = fields(&[
        ("cache-control", "max-age=60, stale-while-revalidate=5"),
        ("vary", "accept"),
        ("x-a", "1"),
        ("x-a", "2"),
    ]);
    let request = RequestHead::new(&method, &uri, &sent, false);
    let times = Exchange {
        request_time: now(),
        response_time: now(),
    };
    let admitted = Policy::shared().admit(MethodClass::Get, &request, StatusCode::OK, &came, times);
    let Admission::Store(head) = admitted else {
        panic!("max-age makes it storable")
    };
    let stored = Stored::new(*head, Bytes::from_static(b"body"), &[1, 2, 3], now());
    frames.encode(&stored).expect("a small frame")
}

fn changed(frame: &[u8], changes: &[u8]) -> Bytes {
    let mut frame = frame.to_vec();
    for change in changes.as_chunks().0 {
        let [high, low, with] = *change;
        let at = usize::from(u16::from_be_bytes([high, low])) % frame.len();
        frame[at] ^= with;
    }
    frame.into()
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    lines.iter().map(field).collect()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

const SECRET: &[u8] = b"sixteen bytes at least";
const RULE: u8 = 4;
