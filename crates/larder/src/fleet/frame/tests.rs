use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, Method, StatusCode, Uri};
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, Policy, RequestHead, StoredHead};
use proptest::prelude::*;
use proptest::sample::Index;

use super::opening::OPENING_BYTES;
use super::signer::MIN_SECRET_BYTES;
use super::*;
use crate::entry::{Birth, Entry};
use crate::fleet::Sight;
use crate::names::{Names, Source};
use crate::shared::{EntryKey, LogPosition, frame_born};
use crate::stamps::{Manner, Stamps};

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
    codec
        .encode(&key, PRIMARY, &entry(body), born(), 0)
        .unwrap()
}

fn read(codec: &Codec, frame: impl Into<Bytes>) -> Result<Decoded, FrameError> {
    codec.decode(&codec.key(PRIMARY), PRIMARY, &frame.into(), now(), 0)
}

fn why(codec: &Codec, frame: impl Into<Bytes>) -> &'static str {
    read(codec, frame).map_or_else(FrameError::as_str, |_| "nothing")
}

#[test]
fn what_is_read_is_what_was_written() {
    for codec in [codec(), signing(&[7; 16])] {
        let frame = frame_of(&codec, "the body");
        assert_eq!(frame_born(&frame), Some(born()));
        let decoded = read(&codec, frame).unwrap();
        let entry = entry("the body");
        assert_eq!(format!("{:?}", decoded.head), format!("{:?}", entry.head));
        assert_eq!(decoded.body, entry.body);
        assert_eq!(decoded.born, born());
        assert_eq!(decoded.names.counts(), [2, 0, 3, 0]);
        assert_eq!(decoded.names.hashes(), entry.names().hashes());
        assert_eq!(decoded.fill_time, Duration::from_millis(77));
        assert_eq!(decoded.begun, entry.begun());
        assert_eq!(decoded.stale_since, None);
    }
}

/// Other nodes read what this one writes: another layout needs another version.
#[test]
fn layout_of_this_version_is_as_it_ever_was() {
    let codec = codec();
    let key = codec.key(PRIMARY);
    let rule = codec.encode_rule(&key, PRIMARY, &[ACCEPT], born());
    let told = |frame: &[u8]| {
        frame
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(told(&rule.unwrap()), RULE_OF_VERSION_1);
    assert_eq!(told(&frame_of(&codec, "the body")), FRAME_OF_VERSION_1);
}

#[test]
fn body_is_part_of_the_frame_unless_the_rest_is_much_more() {
    let body = |text: &'static str| {
        let frame = frame_of(&codec(), text);
        let body = read(&codec(), frame.clone()).unwrap().body;
        assert_eq!(body, text);
        frame.as_ptr_range().contains(&body.as_ptr())
    };
    assert!(body(concat!("0123456789", "0123456789", "0123456789")));
    let mut big = entry("little");
    let long = HeaderValue::from_bytes(&[b'x'; 2000]).unwrap();
    let mut headers =
        HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("max-age=9"))]);
    headers.insert("x-a", long);
    big.head = head_of(&headers);
    let frame = codec().encode(&codec().key(PRIMARY), PRIMARY, &big, born(), 0);
    let frame = frame.unwrap();
    let body = read(&codec(), frame.clone()).unwrap().body;
    assert!(body == "little" && !frame.as_ptr_range().contains(&body.as_ptr()));
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

/// An hour ahead, an hour behind: both know how far off they are.
#[test]
fn times_are_those_of_the_reader() {
    let hour = Duration::from_secs(3600);
    let millis = 3_600_000;
    let stamps = Stamps::new(100);
    let stale = entry("body");
    stamps.purge_all(Manner::soft(now() - Duration::from_secs(3)));
    stale.life(&stamps);
    let key = codec().key(PRIMARY);
    let frame = codec()
        .encode(&key, PRIMARY, &stale, born(), -millis)
        .unwrap();
    let read = |now, offset| {
        let decoded = codec().decode(&key, PRIMARY, &frame, now, offset);
        let Decoded {
            head,
            begun,
            stale_since,
            ..
        } = decoded.unwrap();
        (head.age(now), begun, stale_since.unwrap())
    };
    let since = now() - Duration::from_secs(3);
    let begun = stale.begun();
    let age = Duration::ZERO;
    assert_eq!(read(now(), -millis), (age, begun, since));
    assert_eq!(read(now() - hour, 0), (age, begun - hour, since - hour));
    assert_eq!(
        read(now() - 2 * hour, millis),
        (age, begun - 2 * hour, since - 2 * hour)
    );
    // Nothing is of the future.
    let early = now() - 3 * hour;
    assert_eq!(read(early, 0), (age, early, early));
}

#[test]
fn damage_is_seen_wherever_it_is() {
    let frame = frame_of(&codec(), "the body");
    for at in 0..frame.len() {
        let mut damaged = frame.to_vec();
        damaged[at] ^= 0x10;
        let expected: &[_] = match at {
            0 | 1 => &["magic"],
            2 => &["version"],
            3 => &["flags"],
            4..8 => &["checksum", "truncated", "too-large"],
            36..44 => &["checksum", "too-large"],
            _ => &["checksum"],
        };
        let why = why(&codec(), damaged);
        assert!(expected.contains(&why), "{why} at {at}");
    }
}

#[test]
fn frame_of_another_length_than_it_says_is_refused() {
    for codec in [codec(), signing(&[7; 16])] {
        let frame = frame_of(&codec, "the body");
        for length in 0..frame.len() {
            let expected = if length < 2 { "magic" } else { "truncated" };
            assert_eq!(why(&codec, frame.slice(..length)), expected, "{length}");
        }
        assert_eq!(why(&codec, [&frame[..], b"x"].concat()), "trailing");
    }
}

#[test]
fn frame_of_another_key_or_of_another_variant_is_refused() {
    let codec = codec();
    let (key, other) = (codec.key(PRIMARY), codec.key(b"other"));
    let variant = |byte| key.with_variant([byte; 16]);
    let frame = |key: &EntryKey| codec.encode(key, PRIMARY, &entry("b"), born(), 0).unwrap();
    let read = |key: &EntryKey, primary: &[u8], frame| {
        let read = codec.decode(key, primary, &frame, now(), 0);
        read.map_or_else(FrameError::as_str, |_| "nothing")
    };
    assert_eq!(read(&key, PRIMARY, frame(&key)), "nothing");
    assert_eq!(read(&other, b"other", frame(&key)), "key");
    assert_eq!(read(&variant(1), PRIMARY, frame(&key)), "key");
    assert_eq!(read(&key, PRIMARY, frame(&variant(0))), "key");
    assert_eq!(read(&variant(1), PRIMARY, frame(&variant(2))), "key");
    assert_eq!(read(&variant(1), PRIMARY, frame(&variant(1))), "nothing");
    let stranger = Codec::new(LIMITS).with_secret(b"of another fleet");
    assert_eq!(why(&stranger, frame(&key)), "key");
}

/// What a hostile store can do: it knows the format, and everything but the secret.
#[test]
fn only_what_is_signed_for_this_key_is_read() {
    let codec = signing(&[7; 16]);
    let frame = frame_of(&codec, "the body");
    assert_eq!(why(&codec, frame.clone()), "nothing");
    // Invented, by who has no secret or another.
    assert_eq!(
        why(&codec, frame_of(&self::codec(), "the body")),
        "signature"
    );
    assert_eq!(
        why(&codec, frame_of(&signing(&[8; 16]), "the body")),
        "signature"
    );
    // Whoever cannot verify does not believe.
    assert_eq!(why(&self::codec(), frame.clone()), "signature");
    // Changed: whatever it is, and the checksum of the head with it.
    let mut body = frame.to_vec();
    let at = body.len() - 33;
    body[at] ^= 1;
    assert_eq!(why(&codec, body), "signature");
    let mut younger = frame.to_vec();
    younger[8] ^= 1;
    checksum(&mut younger);
    assert_eq!(why(&codec, younger), "signature");
    let mut signature = frame.to_vec();
    *signature.last_mut().unwrap() ^= 1;
    assert_eq!(why(&codec, signature), "signature");
    // Unsigned by who takes the signature off.
    let mut bare = frame[..frame.len() - 32].to_vec();
    bare[3] = 0;
    checksum(&mut bare);
    assert_eq!(why(&codec, bare), "signature");
    // Moved to another key, with the check of that.
    let other = codec.key(b"other");
    let moved = codec.decode(&other, b"other", &frame, now(), 0);
    assert_eq!(moved.unwrap_err(), FrameError::Signature);
    let variant = codec.key(PRIMARY).with_variant([0; 16]);
    let moved = codec.decode(&variant, PRIMARY, &frame, now(), 0);
    assert_eq!(moved.unwrap_err(), FrameError::Signature);
}

fn checksum(frame: &mut [u8]) {
    let length = u32::from_le_bytes(frame[4..8].try_into().unwrap()) as usize;
    let mut hash = crc32fast::Hasher::new();
    hash.update(&frame[..16]);
    hash.update(&frame[20..length]);
    let checksum = hash.finalize();
    frame[16..20].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn short_secret_signs_nothing() {
    assert!(Signer::new(&[7; MIN_SECRET_BYTES - 1]).is_none());
    assert!(Signer::new(&[7; MIN_SECRET_BYTES]).is_some());
}

/// Nodes of two versions in one fleet, while they are replaced.
#[test]
fn next_version_reads_this_one_and_this_one_misses_the_next() {
    let (old, new) = (codec(), codec().with_version(VERSION + 1));
    let (of_old, of_new) = (frame_of(&old, "body"), frame_of(&new, "body"));
    assert_eq!(why(&old, of_old.clone()), "nothing");
    assert_eq!(why(&old, of_new.clone()), "version");
    assert_eq!(read(&new, of_old.clone()).unwrap().body, "body");
    assert_eq!(read(&new, of_new).unwrap().body, "body");
    let newest = codec().with_version(VERSION + 2);
    assert_eq!(why(&newest, of_old.clone()), "version");
    let mut zero = of_old.to_vec();
    zero[2] = 0;
    checksum(&mut zero);
    assert_eq!(why(&old, zero), "version");
}

#[test]
fn limits_hold_for_who_writes_and_for_who_reads() {
    let whole = codec();
    let frame = frame_of(&whole, "the body");
    for limits in [
        FrameLimits {
            max_body_bytes: 7,
            ..LIMITS
        },
        FrameLimits {
            max_names: 4,
            ..LIMITS
        },
    ] {
        let narrow = Codec::new(limits).with_secret(b"of the fleet");
        assert_eq!(why(&narrow, frame.clone()), "too-large", "{limits:?}");
        let key = narrow.key(PRIMARY);
        let written = narrow.encode(&key, PRIMARY, &entry("the body"), born(), 0);
        assert_eq!(written.unwrap_err(), FrameError::TooLarge, "{limits:?}");
    }
    let narrow = Codec::new(FrameLimits {
        max_header_bytes: 0,
        ..LIMITS
    })
    .with_secret(b"of the fleet");
    let long = HeaderValue::from_bytes(&[b'x'; 60_000]).unwrap();
    let mut came = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("max-age=9"))]);
    came.insert("x-a", long);
    let mut big = entry("the body");
    big.head = head_of(&came);
    let key = whole.key(PRIMARY);
    let frame = whole.encode(&key, PRIMARY, &big, born(), 0).unwrap();
    assert_eq!(why(&narrow, frame), "too-large");
    let written = narrow.encode(&key, PRIMARY, &big, born(), 0);
    assert_eq!(written.unwrap_err(), FrameError::TooLarge);
}

#[test]
fn rule_is_read_as_a_rule_and_a_response_as_a_response() {
    for codec in [codec(), signing(&[7; 16])] {
        let key = codec.key(PRIMARY);
        let names = vec![ACCEPT, ACCEPT_LANGUAGE, HeaderName::from_static("x-a")];
        let rule = codec.encode_rule(&key, PRIMARY, &names, born()).unwrap();
        let response = frame_of(&codec, "the body");
        assert!(is_rule(&rule) && !is_rule(&response) && !is_rule(b"ld\x01"));
        assert_eq!(frame_born(&rule), Some(born()));
        let read_rule = |frame: Bytes| codec.decode_rule(&key, PRIMARY, &frame);
        let born = born();
        assert_eq!(read_rule(rule.clone()), Ok(Rule { names, born }));
        assert_eq!(read_rule(response).unwrap_err(), FrameError::Kind);
        assert_eq!(why(&codec, rule.clone()), "kind");
        let other = codec.decode_rule(&codec.key(b"other"), b"other", &rule);
        assert!(matches!(
            other,
            Err(FrameError::Key | FrameError::Signature)
        ));
        for length in 0..rule.len() {
            assert!(read_rule(rule.slice(..length)).is_err(), "{length}");
        }
    }
}

#[test]
fn rule_of_too_many_names_or_of_none_that_is_a_name_is_refused() {
    let codec = codec();
    let key = codec.key(PRIMARY);
    let many: Vec<_> = (0..300)
        .map(|at| HeaderName::try_from(format!("x-{at}")).unwrap())
        .collect();
    let rule = codec.encode_rule(&key, PRIMARY, &many, born());
    assert_eq!(rule.unwrap_err(), FrameError::TooLarge);
    let rule = codec.encode_rule(&key, PRIMARY, &[ACCEPT], born()).unwrap();
    let changed = |at: usize, byte| {
        let mut rule = rule.to_vec();
        rule[OPENING_BYTES + at] = byte;
        checksum(&mut rule);
        codec.decode_rule(&key, PRIMARY, &rule.into()).unwrap_err()
    };
    assert_eq!(changed(1, 0xff), FrameError::TooLarge);
    assert_eq!(changed(0, 2), FrameError::Truncated);
    assert_eq!(changed(0, 0), FrameError::Trailing);
    assert_eq!(changed(4, b'A'), FrameError::Names);
    assert_eq!(changed(4, b' '), FrameError::Names);
}

#[test]
fn keys_are_of_the_fleet_and_of_their_purpose() {
    let (ours, theirs) = (codec(), Codec::new(LIMITS).with_secret(b"theirs"));
    assert_eq!(ours.key(b"a"), codec().key(b"a"));
    assert_ne!(ours.key(b"a"), ours.key(b"b"));
    assert_ne!(ours.key(b"a"), theirs.key(b"a"));
    let (key, variant) = (ours.key(b"a"), ours.variant_of(&[], b"a"));
    assert_ne!(key.primary()[..16], variant);
    assert_ne!(key.primary()[16..], variant);
    assert_eq!(key.variant(), None);
}

#[test]
fn variants_differ_by_names_and_by_values() {
    let codec = codec();
    let a = HeaderName::from_static("a");
    let b = HeaderName::from_static("b");
    let ab = HeaderName::from_static("ab");
    let all = [
        codec.variant_of(&[], b""),
        codec.variant_of(&[], b"a"),
        codec.variant_of(std::slice::from_ref(&a), b""),
        codec.variant_of(std::slice::from_ref(&a), b"b"),
        codec.variant_of(&[ab], b""),
        codec.variant_of(&[a.clone(), b.clone()], b""),
        codec.variant_of(&[b, a], b""),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}

#[test]
fn nothing_tells_the_secret() {
    let told = format!("{:?}", signing(b"hunter2hunter2!!"));
    assert!(
        told.contains("Signer") && !told.contains("hunter") && !told.contains("104, 117"),
        "{told}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let framed = [b"ld\x01\x00".as_slice(), &bytes].concat();
        for bytes in [bytes, framed] {
            let bytes = Bytes::from(bytes);
            prop_assert!(read(&codec(), bytes.clone()).is_err());
            let key = codec().key(PRIMARY);
            prop_assert!(codec().decode_rule(&key, PRIMARY, &bytes).is_err());
        }
    }

    /// With its checksum put right: what only the parts themselves can tell.
    #[test]
    fn changed_frames_are_read_without_harm(
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut frame = frame_of(&codec(), "the body").to_vec();
        let length = frame.len() - "the body".len() - OPENING_BYTES;
        for (at, byte) in changes {
            frame[OPENING_BYTES + at.index(length)] = byte;
        }
        checksum(&mut frame);
        if let Ok(decoded) = read(&codec(), frame) {
            prop_assert_eq!(decoded.body, "the body");
            prop_assert!(decoded.begun <= now());
            prop_assert!(decoded.names.hashes().len() <= LIMITS.max_names);
        }
    }
}

const RULE_OF_VERSION_1: &str = "\
    6c640104360000001a3185c500000005660ef07479c554ae9974d3f6795e00a0cf127bb30000000000000000\
    01000600616363657074";

const FRAME_OF_VERSION_1: &str = "\
    6c640102810100001a3185c50000000553b4530879c554ae9974d3f6795e00a0cf127bb30800000000000000\
    0000000000000000814f5c18a30100004d000000c22775960200000003000000010000000000000002000000\
    0000000007000000000000000800000000000000ffffffffffffffff01c800473000d2496b00000000c0d454\
    0700d2496b00000000000000000000000000000000000000003c000000000000000000000000000000000000\
    000000000000000000000000000000000001000000060061636365707411000000000000000000000a746578\
    742f68746d6c00000000000000000007000000030061676501000000300c0063616368652d73746174757300\
    000000040065746167000000000d0063616368652d636f6e74726f6c0a0000006d61782d6167653d36300400\
    76617279060000006163636570740300782d610a000000736f6d652076616c75650400646174651d00000046\
    72692c203135204a616e20323032372030383a30303a303020474d54000000000074686520626f6479";
