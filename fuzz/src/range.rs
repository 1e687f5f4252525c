//! `Range`.
//!
//! Input: the body's length in decimal, then field lines.

use http::header::RANGE;
use http::{HeaderMap, HeaderValue};
use larder_policy::fields::{RangeRequest, parse_range};

use crate::{lines, values};

/// A range lies within the body, and asking for just that range gives it again.
pub fn range(input: &[u8]) {
    let lines = lines(input);
    let (length, field) = (lines[0], &lines[1..]);
    let Some(length) = str::from_utf8(length)
        .ok()
        .and_then(|text| text.parse().ok())
    else {
        return;
    };
    let headers: HeaderMap = values(field)
        .into_iter()
        .map(|line| (RANGE, line))
        .collect();

    let answer = parse_range(&headers, length);
    match answer {
        RangeRequest::One(range) => {
            let (first, last) = (range.first(), range.last());
            assert!(
                first <= last && last < length,
                "{first}-{last} of {length} bytes"
            );
            assert_eq!(
                u128::from(range.len()),
                u128::from(last) - u128::from(first) + 1
            );
            assert_eq!(
                answer,
                parse_range(&asking_for(first, last), length),
                "asked again"
            );
        }
        RangeRequest::Unsatisfiable => assert_ne!(length, 0, "an empty body has no ranges"),
        _ => {}
    }
}

fn asking_for(first: u64, last: u64) -> HeaderMap {
    let value = HeaderValue::try_from(format!("bytes={first}-{last}")).expect("ASCII");
    HeaderMap::from_iter([(RANGE, value)])
}
