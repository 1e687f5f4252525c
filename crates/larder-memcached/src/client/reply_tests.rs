//! Answers, whole and in pieces.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use super::reply::{Answer, Expected, LONGEST_LINE, Malformed, Status, Taken, take};

const LONGEST_VALUE: usize = 100_000;

fn meta(key: &str, opaque: u64) -> Expected {
    Expected::Meta {
        key: key.to_owned(),
        opaque,
    }
}

fn whole(bytes: &[u8]) -> Result<Taken, Malformed> {
    take(&mut BytesMut::from(bytes), &meta("key", 7), LONGEST_VALUE)
}

fn answer(status: Status) -> Answer {
    Answer {
        status,
        cas: 0,
        left: None,
        value: None,
    }
}

#[test]
fn each_kind_of_answer_is_understood() {
    let found = Answer {
        cas: 42,
        left: Some(30),
        value: Some(Bytes::from_static(b"a\r\nb")),
        ..answer(Status::Done)
    };
    let cases = [
        (&b"VA 4 kkey O7 c42 t30 W s99\r\na\r\nb\r\n"[..], found),
        (b"HD kkey O7 t-1\r\n", answer(Status::Done)),
        (b"EN kkey O7\r\n", answer(Status::Missing)),
        (b"NF kkey O7\r\n", answer(Status::Missing)),
        (b"NS kkey O7\r\n", answer(Status::NotStored)),
        (b"EX kkey O7\r\n", answer(Status::Changed)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(whole(bytes), Ok(Taken::Answer(expected)));
    }
    let text = |status, text: &'static str| Answer {
        value: Some(text.into()),
        ..answer(status)
    };
    let refused = text(Status::Refused, "out of memory");
    assert_eq!(
        whole(b"SERVER_ERROR out of memory\r\n"),
        Ok(Taken::Answer(refused))
    );
    assert_eq!(
        whole(b"ERROR\r\n"),
        Ok(Taken::Answer(text(Status::Rejected, "")))
    );
}

#[test]
fn what_answers_another_command_is_misplaced() {
    let cases: [&[u8]; 9] = [
        b"HD kkey O8\r\n",
        b"HD kyek O7\r\n",
        b"HD kkey\r\n",
        b"HD O7\r\n",
        b"HD\r\n",
        b"HD kkey kkey O7\r\n",
        b"HD kyek kkey O7\r\n",
        b"END\r\n",
        b"VERSION 1\r\n",
    ];
    for bytes in cases {
        assert_eq!(whole(bytes), Err(Malformed::Misplaced));
    }
}

#[test]
fn what_is_too_long_is_not_waited_for() {
    let line = vec![b'x'; LONGEST_LINE + 1];
    assert_eq!(whole(&line), Err(Malformed::LineTooLong));
    let value = format!("VA {} kkey O7\r\n", LONGEST_VALUE + 1);
    assert_eq!(whole(value.as_bytes()), Err(Malformed::ValueTooLong));
    assert_eq!(
        whole(b"VA 4 kkey O7\r\nbodyX\r\n"),
        Err(Malformed::ValueEnd)
    );
    assert_eq!(whole(b"VA 100 kkey O7\r\nbody"), Ok(Taken::Needs(98)));
}

#[test]
fn a_small_value_that_is_kept_does_not_keep_the_read_buffer() {
    for (length, is_alone) in [(1, true), (8191, true), (8192, false)] {
        let value = "x".repeat(length);
        let mut buffer = BytesMut::from(format!("VA {length} kkey O7\r\n{value}\r\nHD").as_bytes());
        let Ok(Taken::Answer(answer)) = take(&mut buffer, &meta("key", 7), LONGEST_VALUE) else {
            panic!("an answer");
        };
        assert_eq!(
            answer.value.expect("a value").is_unique(),
            is_alone,
            "{length}"
        );
    }
}

/// An answer, as a server writes it.
fn written() -> impl Strategy<Value = (Vec<u8>, Answer)> {
    let value = prop_oneof![vec(any::<u8>(), 0..64), vec(any::<u8>(), 8000..9000)];
    let status = prop_oneof![
        Just(("HD", Status::Done)),
        Just(("EN", Status::Missing)),
        Just(("NS", Status::NotStored)),
        Just(("EX", Status::Changed)),
    ];
    let flags = (any::<u64>(), any::<u64>());
    (proptest::option::of(value), status, flags).prop_map(|(value, (word, status), (cas, left))| {
        let head = match &value {
            Some(value) => format!("VA {}", value.len()),
            None => word.to_owned(),
        };
        let mut bytes = format!("{head} kkey O7 c{cas} t{left}\r\n").into_bytes();
        if let Some(value) = &value {
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let answer = Answer {
            status: if value.is_some() {
                Status::Done
            } else {
                status
            },
            cas,
            left: Some(left),
            value: value.map(Bytes::from),
        };
        (bytes, answer)
    })
}

proptest! {
    #[test]
    fn answers_are_the_same_wherever_the_bytes_are_split(
        answers in vec(written(), 1..6),
        pieces in vec(1..3000_usize, 1..20),
    ) {
        let bytes: Vec<u8> = answers.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let (mut buffer, mut rest) = (BytesMut::new(), &bytes[..]);
        let mut taken = Vec::new();
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            buffer.extend_from_slice(now);
            rest = later;
            while let Taken::Answer(answer) = take(&mut buffer, &meta("key", 7), LONGEST_VALUE)? {
                taken.push(answer);
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert!(buffer.is_empty());
        let expected: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
        prop_assert_eq!(taken, expected);
    }

    #[test]
    fn what_is_missing_is_never_overstated((bytes, answer) in written(), cut in any::<proptest::sample::Index>()) {
        let cut = cut.index(bytes.len());
        let mut buffer = BytesMut::from(&bytes[..cut]);
        let taken = take(&mut buffer, &meta("key", 7), LONGEST_VALUE)?;
        let Taken::Needs(missing) = taken else {
            return Err(TestCaseError::fail("an answer out of half of one"));
        };
        prop_assert!((1..=bytes.len() - cut).contains(&missing));
        buffer.extend_from_slice(&bytes[cut..]);
        let taken = take(&mut buffer, &meta("key", 7), LONGEST_VALUE)?;
        prop_assert_eq!(taken, Taken::Answer(answer));
    }

    #[test]
    fn any_bytes_end_in_an_answer_an_error_or_a_wish_for_more(bytes in vec(any::<u8>(), 0..200)) {
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Taken::Answer(_)) = take(&mut buffer, &meta("key", 7), LONGEST_VALUE) {}
        prop_assert!(buffer.len() <= bytes.len());
    }
}

impl From<Malformed> for TestCaseError {
    fn from(malformed: Malformed) -> Self {
        Self::fail(malformed.as_str())
    }
}
