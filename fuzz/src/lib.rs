//! What must hold for any input. Each fuzz target is one function here, so that the seeds in
//! `corpus/` also run as a test without a fuzzer.
//!
//! Inputs are lines of text, so that seeds can be read and written by hand, but those of [`frame`]. A
//! function panics when its property does not hold, and returns when the input makes no request.

#![forbid(unsafe_code)]

use http::HeaderValue;

mod cache_control;
mod frame;
mod key;
mod memcached_reply;
mod range;
mod vary;

pub use cache_control::cache_control;
pub use frame::frame;
pub use key::key;
pub use memcached_reply::memcached_reply;
pub use range::range;
pub use vary::vary;

/// The lines of an input that can be header field values.
fn values(lines: &[&[u8]]) -> Vec<HeaderValue> {
    lines
        .iter()
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
        .collect()
}

/// The lines of an input. A line feed at its end does not make another.
fn lines(input: &[u8]) -> Vec<&[u8]> {
    input
        .strip_suffix(b"\n")
        .unwrap_or(input)
        .split(|byte| *byte == b'\n')
        .collect()
}

/// The lines before, between and after those that hold nothing but `--`.
fn sections<'a, 'b>(lines: &'a [&'b [u8]]) -> impl Iterator<Item = &'a [&'b [u8]]> {
    lines.split(|line| *line == b"--")
}
