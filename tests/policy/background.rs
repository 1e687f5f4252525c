//! What a validation request without a client carries, against the same in strings.

use http::HeaderMap;
use larder::policy::StoredHead;
use proptest::prelude::*;
use proptest::sample::select;

use super::agree::stored;
use super::generate::{Case, Head, case, request};
use super::messages::{Field, Request};
use super::naive::is_entity_tag;
use super::selecting::varying_fields;
use super::values::{lines as field_lines, one, sometimes, usually};
use super::wording::{lines, policy_field};

/// RFC 9111 section 4.3.1: the fields in the order of their names.
fn expected(case: &Case, triggering: &Request, trusted: bool) -> Vec<Field> {
    let keyed = |name: &str| name == "host" || (!trusted && FORWARDING.contains(&name));
    let named = lines(&triggering.fields, "connection").join(",");
    let named = named.to_ascii_lowercase();
    let named: Vec<&str> = named.split(',').map(str::trim).collect();
    let of_one_hop = |name: &str| {
        let told = named.contains(&name) && name != "authorization" && name != "cookie";
        HOP.contains(&name) || name.starts_with("proxy-") || (told && !keyed(name))
    };
    let mut fields = triggering.fields.clone();
    if case.rules.shared {
        fields.retain(|(name, _)| keyed(name));
    } else {
        fields.retain(|(name, _)| !of_one_hop(name) && !DIRECTIVES.contains(&name.as_str()));
    }
    for name in varying_fields(&case.response).unwrap() {
        fields.retain(|(other, _)| *other != name);
        let recorded = lines(&case.request.fields, &name);
        let separator = if name == "cookie" { "; " } else { ", " };
        if !recorded.is_empty() {
            let merged = recorded.join(separator);
            fields.push((name, merged.trim_matches([' ', '\t']).to_owned()));
        }
    }
    fields.retain(|(name, _)| !CONDITIONS.contains(&name.as_str()));
    fields.extend(conditions(case));
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

/// The validators that were stored, as they came.
fn conditions(case: &Case) -> Vec<Field> {
    let says = policy_field(&case.rules, &case.response);
    let only = |name: &str| {
        let stripped = says.no_cache.names(name) || (case.rules.shared && says.private.names(name));
        let mut lines = lines(&case.response.fields, name);
        lines.truncate(if stripped || lines.len() > 1 { 0 } else { 1 });
        lines.pop()
    };
    let tag = only("etag").filter(|tag| is_entity_tag(tag));
    let tag = tag.map(|tag| ("if-none-match".to_owned(), tag));
    let modified = only("last-modified").map(|date| ("if-modified-since".to_owned(), date));
    tag.into_iter().chain(modified).collect()
}

/// A later request with more of what a proxy, a client or an attacker may add.
fn triggering() -> impl Strategy<Value = Request> {
    let forwarded = select(vec!["evil.example", "a, b", ""]).prop_map(String::from);
    let connection = [
        "close",
        "X-Flag, accept",
        "Cookie, authorization",
        "host, TE",
        "forwarded,X-Forwarded-Host",
    ];
    let more = (
        usually(one("host", &["a.example", "b.example"])),
        sometimes(3, field_lines("x-forwarded-host", forwarded)),
        sometimes(6, one("forwarded", &["host=evil.example"])),
        sometimes(6, one("x-forwarded-for", &["192.0.2.1"])),
        sometimes(3, one("connection", &connection)),
        sometimes(4, one("te", &["trailers"])),
        sometimes(4, one("proxy-authorization", &["Basic YTpi"])),
        sometimes(3, one("if-none-match", &["\"z\"", "*"])),
        sometimes(3, one("user-agent", &["x"])),
    );
    (request(), more).prop_map(|(mut request, (a, b, c, d, e, f, g, h, i))| {
        for fields in [a, b, c, d, e, f, g, h, i] {
            request.fields.extend(fields);
        }
        request
    })
}

/// What the policy makes of the same.
fn sent(case: &Case, stored: &StoredHead, triggering: &Request, trusted: bool) -> HeaderMap {
    let policy = case.policy().with_trusted_forwarding(trusted);
    policy.background_fields(stored, &Head::of(triggering).headers)
}

fn in_order(headers: &HeaderMap) -> Vec<Field> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let mut fields: Vec<Field> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
        .collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

proptest! {
    // Most cases are of no use: the response is not stored.
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    #[test]
    fn the_same_fields_are_sent_without_a_client(
        case in case(),
        triggering in triggering(),
        trusted in any::<bool>(),
    ) {
        if let Some(stored) = stored(&case) {
            let sent = sent(&case, &stored, &triggering, trusted);
            prop_assert_eq!(in_order(&sent), expected(&case, &triggering, trusted));
        }
    }

    #[test]
    fn credentials_of_the_triggering_request_are_not_sent_for_all(
        case in case(),
        triggering in triggering(),
    ) {
        if let (true, Some(stored)) = (case.rules.shared, stored(&case)) {
            let sent = sent(&case, &stored, &triggering, false);
            for name in ["authorization", "cookie"] {
                let recorded = stored.selection().values().find(|(field, _)| *field == name);
                let recorded = recorded.and_then(|(_, value)| value);
                let values = sent.get_all(name).iter().map(|value| value.as_bytes());
                prop_assert_eq!(values.collect::<Vec<_>>(), Vec::from_iter(recorded), "{}", name);
            }
        }
    }

    #[test]
    fn confirmed_without_a_client_it_stays_the_same_variant_and_stored(
        case in case(),
        mut triggering in triggering(),
    ) {
        if let Some(stored) = stored(&case) {
            triggering.fields = in_order(&sent(&case, &stored, &triggering, false));
            triggering.content = false;
            let head = Head::of(&triggering);
            prop_assert!(stored.selection().matches(&head.headers));
            let (policy, none) = (case.policy(), HeaderMap::new());
            let freshened = policy.freshen(&stored, &head.head(), &none, case.exchange());
            prop_assert_eq!(freshened.skip(), None);
            let head = freshened.into_head();
            prop_assert_eq!(head.selection(), stored.selection());
        }
    }
}

/// Of the fields that name a resource without being part of its URI, those that are generated.
const FORWARDING: [&str; 2] = ["forwarded", "x-forwarded-host"];

/// RFC 9110 section 7.6.1, and what speaks of content, which there is none of.
const HOP: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const DIRECTIVES: [&str; 4] = ["cache-control", "pragma", "if-match", "if-unmodified-since"];

const CONDITIONS: [&str; 4] = ["if-none-match", "if-modified-since", "range", "if-range"];
