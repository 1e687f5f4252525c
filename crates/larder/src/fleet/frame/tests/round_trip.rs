//! What is read is what was written.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderValue};

use super::*;
use crate::shared::frame_born;
use crate::stamps::{Manner, Stamps};

#[test]
fn what_is_read_is_what_was_written() {
    for codec in [codec(), signing(&[7; 16])] {
        let frame = frame_of(&codec, "the body");
        assert_eq!(frame_born(&frame), Some(born()));
        let decoded = read(&codec, frame).unwrap();
        let entry = entry("the body");
        assert_eq!(format!("{:?}", decoded.head), format!("{:?}", entry.head));
        assert_eq!(decoded.body, entry.body());
        assert_eq!(decoded.born, born());
        assert_eq!(decoded.names.counts(), [2, 0, 3, 0]);
        assert_eq!(decoded.names.hashes(), entry.names().hashes());
        assert_eq!(decoded.fill_time, Duration::from_millis(77));
        assert_eq!(decoded.begun, entry.begun());
        assert_eq!(decoded.stale_since, None);
    }
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
    let frame = codec().encode(&codec().key(PRIMARY), &big, born(), 0);
    let frame = frame.unwrap();
    let body = read(&codec(), frame.clone()).unwrap().body;
    assert!(body == "little" && !frame.as_ptr_range().contains(&body.as_ptr()));
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
    let frame = codec().encode(&key, &stale, born(), -millis).unwrap();
    let read = |now, offset| {
        let decoded = codec().decode(&key, &frame, now, offset);
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
