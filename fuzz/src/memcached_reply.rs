//! Answers of a memcached server.
//!
//! Input: on the first line what is expected (`lines`, `version`, or else the answers to commands with
//! the key `key` and the number 7), and after it what a server sends.

use bytes::BytesMut;
use reply::{Answer, Expected, Malformed, Taken, take};

// The parser is private to its crate.
#[path = "../../crates/larder-memcached/src/client/reply.rs"]
#[expect(dead_code, reason = "the client uses more of it")]
mod reply;

/// Values are no longer than this.
const LONGEST_VALUE: usize = 1 << 16;

/// What comes out does not depend on how the bytes are split; no value is longer than allowed; what is
/// missing is at least one byte, and no more than there can be.
pub fn memcached_reply(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (first, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
    let expected = match first.trim_ascii() {
        b"lines" => Expected::Lines,
        b"version" => Expected::Version,
        _ => Expected::Meta {
            key: "key".into(),
            opaque: 7,
        },
    };
    let whole = answers([rest], &expected);
    let halves = rest.split_at(rest.len() / 2);
    assert_eq!(
        whole,
        answers([halves.0, halves.1], &expected),
        "two halves"
    );
    assert_eq!(whole, answers(rest.chunks(1), &expected), "single bytes");
}

fn answers<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    expected: &Expected,
) -> (Vec<Answer>, Option<Malformed>) {
    let mut buffer = BytesMut::new();
    let mut answers = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while !buffer.is_empty() {
            match take(&mut buffer, expected, LONGEST_VALUE) {
                Err(malformed) => return (answers, Some(malformed)),
                Ok(Taken::Needs(bytes)) => {
                    assert!(
                        (1..=LONGEST_VALUE + 2).contains(&bytes),
                        "{bytes} are missing"
                    );
                    break;
                }
                Ok(Taken::Answer(answer)) => {
                    let length = answer.value.as_ref().map_or(0, bytes::Bytes::len);
                    assert!(length <= LONGEST_VALUE, "a value of {length} bytes");
                    answers.push(answer);
                }
            }
        }
    }
    (answers, None)
}
