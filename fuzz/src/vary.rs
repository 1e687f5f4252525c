//! `Vary` and the selecting header fields.
//!
//! Input: lines of `Vary`, a line `--`, the fields of one request, a line `--`, the fields of
//! another. A field is `name: value`.

use http::header::{ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use larder_policy::key::{Selection, Vary};

use crate::{lines, sections, values};

/// A stored response answers the request it was made for, and the one that validates it; whether it
/// answers another does not depend on which of the two came first; and it never does when the other
/// says something else.
pub fn vary(input: &[u8]) {
    let lines = lines(input);
    let mut sections = sections(&lines);
    let response = sections.next().map(values).unwrap_or_default();
    let response: HeaderMap = response.into_iter().map(|line| (VARY, line)).collect();
    let a = sections.next().map(fields).unwrap_or_default();
    let b = sections.next().map(fields).unwrap_or_default();

    let vary = Vary::from_headers(&response);
    assert_eq!(
        vary == Vary::Any,
        has_other_than_names(&response),
        "{response:?}"
    );
    let names = vary.names();
    assert!(
        names.is_sorted_by(|a, b| a.as_str() < b.as_str()),
        "order of {names:?}"
    );

    let (of_a, of_b) = (Selection::of(names, &a), Selection::of(names, &b));
    assert!(of_a.matches(&a), "not its own request: {a:?}");
    assert_eq!(
        of_a.matches(&b),
        of_b.matches(&a),
        "symmetry of {a:?} and {b:?}"
    );
    assert_eq!(
        of_a.matches(&b),
        of_a == of_b,
        "equality of {a:?} and {b:?}"
    );
    if of_a.matches(&b) {
        for name in names {
            assert_eq!(gist(&a, name), gist(&b, name), "{name} of {a:?} and {b:?}");
        }
    }

    let mut validating = b;
    of_a.restore(&mut validating);
    assert!(
        of_a.matches(&validating),
        "restored {validating:?} from {a:?}"
    );
}

fn fields(lines: &[&[u8]]) -> HeaderMap {
    let field = |line: &&[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        // A server hands values over without the whitespace around them.
        Some((
            name,
            HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?,
        ))
    };
    lines.iter().filter_map(field).collect()
}

fn has_other_than_names(response: &HeaderMap) -> bool {
    let lines = response.get_all(VARY).into_iter();
    let mut members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.any(|member| match member.trim_ascii() {
        b"" => false,
        b"*" => true,
        name => HeaderName::from_bytes(name).is_err(),
    })
}

/// What normalising must not lose: everything but whitespace, the commas of a list, and letter case
/// where the field has none.
fn gist(request: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    const CASELESS: [HeaderName; 3] = [ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE];
    let lines: Vec<_> = request
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let separator = if *name == COOKIE { b"; " } else { b", " };
    let mut text = lines.join(&separator[..]);
    text.retain(|byte| !matches!(byte, b' ' | b'\t' | b','));
    if CASELESS.contains(name) {
        text.make_ascii_lowercase();
    }
    (!lines.is_empty()).then_some(text)
}
