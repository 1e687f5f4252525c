//! Frames that are damaged, cut, too large or of something else, and any bytes at all.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderValue};
use proptest::prelude::*;
use proptest::sample::Index;

use super::opening::OPENING_BYTES;
use super::*;
use crate::shared::EntryKey;

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
    let frame = |key: &EntryKey| codec.encode(key, &entry("b"), born(), 0).unwrap();
    let read = |key: &EntryKey, frame| {
        let read = codec.decode(key, &frame, now(), 0);
        read.map_or_else(FrameError::as_str, |_| "nothing")
    };
    assert_eq!(read(&key, frame(&key)), "nothing");
    assert_eq!(read(&other, frame(&key)), "key");
    assert_eq!(read(&variant(1), frame(&key)), "key");
    assert_eq!(read(&key, frame(&variant(0))), "key");
    assert_eq!(read(&variant(1), frame(&variant(2))), "key");
    assert_eq!(read(&variant(1), frame(&variant(1))), "nothing");
    let stranger = Codec::new(LIMITS).with_secret(b"of another fleet");
    assert_eq!(why(&stranger, frame(&key)), "key");
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
        let written = narrow.encode(&key, &entry("the body"), born(), 0);
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
    let frame = whole.encode(&key, &big, born(), 0).unwrap();
    assert_eq!(why(&narrow, frame), "too-large");
    let written = narrow.encode(&key, &big, born(), 0);
    assert_eq!(written.unwrap_err(), FrameError::TooLarge);
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
            prop_assert!(codec().decode_rule(&key, &bytes).is_err());
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
