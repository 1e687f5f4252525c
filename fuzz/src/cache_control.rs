//! `Cache-Control` and targeted fields.
//!
//! Input: field lines of one request or response.

use http::{HeaderMap, HeaderName, HeaderValue};
use larder_policy::fields::{
    DeltaSeconds, MaxStale, RequestDirectives, ResponseDirectives, select,
};

use crate::{lines, values};

/// The longest lifetime there is (RFC 9111 section 1.2.2).
const LONGEST: u32 = 1 << 31;

/// No lifetime exceeds 2^31 seconds; lines mean what they mean joined; letter case says nothing;
/// and a `no-store` at the end is heard unless the field is known to be malformed.
pub fn cache_control(input: &[u8]) {
    let lines = values(&lines(input));
    let response = ResponseDirectives::parse(lines.iter());
    let request = RequestDirectives::parse(lines.iter());
    lifetimes_are_bounded(&response);
    wishes_are_bounded(&request);

    let joined = [join(&lines)];
    assert_eq!(
        response,
        ResponseDirectives::parse(joined.iter()),
        "joined lines"
    );
    assert_eq!(
        request,
        RequestDirectives::parse(joined.iter()),
        "joined lines"
    );

    let upper = [value(joined[0].as_bytes().to_ascii_uppercase())];
    assert_eq!(
        response,
        ResponseDirectives::parse(upper.iter()),
        "letter case"
    );
    assert_eq!(
        request,
        RequestDirectives::parse(upper.iter()),
        "letter case"
    );

    let no_store = HeaderValue::from_static("no-store");
    let forbidden = ResponseDirectives::parse(lines.iter().chain([&no_store]));
    assert!(
        forbidden.no_store() || forbidden.is_malformed(),
        "an unheard no-store"
    );

    targeted_is_bounded(&lines);
}

fn lifetimes_are_bounded(directives: &ResponseDirectives) {
    let lifetimes = [
        directives.max_age(),
        directives.s_maxage(),
        directives.stale_while_revalidate(),
        directives.stale_if_error(),
    ];
    bounded(lifetimes);
}

fn wishes_are_bounded(directives: &RequestDirectives) {
    let stale = match directives.max_stale() {
        Some(MaxStale::AtMost(seconds)) => Some(seconds),
        _ => None,
    };
    bounded([
        directives.max_age(),
        directives.min_fresh(),
        directives.stale_if_error(),
        stale,
    ]);
}

/// The same lines as a structured field that was put in the place of `Cache-Control`.
fn targeted_is_bounded(lines: &[HeaderValue]) {
    const TARGETED: HeaderName = HeaderName::from_static("cdn-cache-control");
    let headers: HeaderMap = lines.iter().map(|line| (TARGETED, line.clone())).collect();
    lifetimes_are_bounded(select(&headers, &[TARGETED]).directives());
}

fn bounded(lifetimes: [Option<DeltaSeconds>; 4]) {
    for lifetime in lifetimes.into_iter().flatten() {
        assert!(
            lifetime.as_secs() <= LONGEST,
            "a lifetime of {} s",
            lifetime.as_secs()
        );
    }
}

fn join(lines: &[HeaderValue]) -> HeaderValue {
    value(
        lines
            .iter()
            .map(HeaderValue::as_bytes)
            .collect::<Vec<_>>()
            .join(&b", "[..]),
    )
}

fn value(text: Vec<u8>) -> HeaderValue {
    HeaderValue::from_bytes(&text).expect("made of field values")
}
