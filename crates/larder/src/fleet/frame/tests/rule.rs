//! Frames of rules.

use http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderName};

use super::opening::OPENING_BYTES;
use super::*;
use crate::shared::frame_born;

#[test]
fn rule_is_read_as_a_rule_and_a_response_as_a_response() {
    for codec in [codec(), signing(&[7; 16])] {
        let key = codec.key(PRIMARY);
        let names = vec![ACCEPT, ACCEPT_LANGUAGE, HeaderName::from_static("x-a")];
        let rule = codec.encode_rule(&key, &names, born()).unwrap();
        let response = frame_of(&codec, "the body");
        assert!(is_rule(&rule) && !is_rule(&response) && !is_rule(b"ld\x01"));
        assert_eq!(frame_born(&rule), Some(born()));
        let read_rule = |frame: Bytes| codec.decode_rule(&key, &frame);
        let born = born();
        assert_eq!(read_rule(rule.clone()), Ok(Rule { names, born }));
        assert_eq!(read_rule(response).unwrap_err(), FrameError::Kind);
        assert_eq!(why(&codec, rule.clone()), "kind");
        let other = codec.decode_rule(&codec.key(b"other"), &rule);
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
    let rule = codec.encode_rule(&key, &many, born());
    assert_eq!(rule.unwrap_err(), FrameError::TooLarge);
    let rule = codec.encode_rule(&key, &[ACCEPT], born()).unwrap();
    let changed = |at: usize, byte| {
        let mut rule = rule.to_vec();
        rule[OPENING_BYTES + at] = byte;
        checksum(&mut rule);
        codec.decode_rule(&key, &rule.into()).unwrap_err()
    };
    assert_eq!(changed(1, 0xff), FrameError::TooLarge);
    assert_eq!(changed(0, 2), FrameError::Truncated);
    assert_eq!(changed(0, 0), FrameError::Trailing);
    assert_eq!(changed(4, b'A'), FrameError::Names);
    assert_eq!(changed(4, b' '), FrameError::Names);
}
