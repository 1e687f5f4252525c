//! [`Case`]: any response that the cache would store, and all that depends on it.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::fields::{CacheControl, TagFields};
use crate::key::MethodClass;
use crate::{Admission, Exchange, Policy, Refinement, RequestHead, StoredHead};

/// A response as the cache would store it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) request: Lines,
    pub(super) response: Lines,
    pub(super) received: SystemTime,
    pub(super) took: Duration,
    pub(super) policy: Policy,
    pub(super) invalidated: bool,
}

impl Case {
    pub(super) fn stored(&self) -> Option<StoredHead> {
        let (method, uri) = (Method::GET, Uri::from_static("/a"));
        let (sent, came) = (fields(&self.request), fields(&self.response));
        let request = RequestHead::new(&method, &uri, &sent, false);
        let times = Exchange {
            request_time: self.received - self.took,
            response_time: self.received,
        };
        let (class, status) = (MethodClass::Get, StatusCode::OK);
        let admission = self.policy.admit(class, &request, status, &came, times);
        let Admission::Store(stored) = admission else {
            return None;
        };
        Some(if self.invalidated {
            stored.marked_invalid()
        } else {
            *stored
        })
    }
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    let request = lines(&["accept", "accept-encoding", "x-a"], "[ab,;]{0,4}");
    let directives = select(&["", "max-age=9", "no-cache", "s-maxage=5, stale-if-error=7"][..]);
    let extra = lines(
        &[
            "x-b",
            "x-secret",
            "etag",
            "cache-tag",
            "cache-groups",
            "cache-status",
        ],
        "(\"[a-z]{1,3}\")|([a-z]{0,40})",
    );
    let vary = select(&["", "accept", "accept-encoding, x-a"][..]);
    let rest = (policy(), any::<bool>(), 0u64..u64::from(u32::MAX), 0u32..9);
    (request, directives, extra, vary, rest).prop_map(|(request, says, extra, vary, rest)| {
        let mut response = extra;
        response.push(("cache-control", says.to_owned()));
        response.push(("vary", vary.to_owned()));
        Case {
            request,
            response,
            received: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + rest.2),
            took: Duration::from_secs(rest.3.into()),
            policy: rest.0,
            invalidated: rest.1,
        }
    })
}

fn lines(names: &'static [&'static str], value: &'static str) -> impl Strategy<Value = Lines> {
    vec((select(names), value), 0..6)
}

fn policy() -> impl Strategy<Value = Policy> {
    let secs = || (0u64..100).prop_map(Duration::from_secs);
    let refinement = (proptest::option::of(secs()), proptest::option::of(secs()));
    (secs(), any::<[bool; 4]>(), refinement).prop_map(|(route, switches, refined)| {
        let [tags, downstream, etags, told] = switches;
        let mut policy = Policy::shared()
            .with_route_lifetime(route)
            .with_stale_if_error(route * 2)
            .with_generated_etag(etags)
            .with_cache_status(told);
        if tags {
            policy = policy.with_tag_fields(TagFields::new().stripped());
        }
        if downstream {
            policy = policy.with_downstream(CacheControl::no_cache());
        }
        let mut refinement = Refinement::new();
        if let Some(lifetime) = refined.0 {
            refinement = refinement.lifetime(lifetime);
        }
        if let Some(window) = refined.1 {
            refinement = refinement.stale_while_revalidate(window);
        }
        policy.refined(refinement)
    })
}

/// All answers that depend on a stored head, as text.
pub(super) fn answers(case: &Case, head: &StoredHead) -> Vec<String> {
    let (method, uri) = (Method::GET, Uri::from_static("/a"));
    let plain: Lines = vec![("accept", "a".to_owned())];
    let conditional: Lines = vec![("if-none-match", "\"a\"".to_owned())];
    let mut answers = vec![
        // All that there is, whoever asks for it.
        format!("{head:?}"),
        format!("{:?}", head.selection().values().collect::<Vec<_>>()),
        format!("{:?}", head.tags(case.policy.tag_fields())),
        format!(
            "{:?}",
            (head.downstream(), head.has_etag_slot(), head.entity_tag())
        ),
        format!(
            "{:?}",
            head.headers()
                .values()
                .map(HeaderValue::is_sensitive)
                .collect::<Vec<_>>()
        ),
    ];
    for request in [&case.request, &plain, &conditional] {
        let sent = fields(request);
        let request = RequestHead::new(&method, &uri, &sent, false);
        answers.push(head.selection().matches(&sent).to_string());
        for later in [0, 1, 8, 20, 90, 500] {
            let now = case.received + Duration::from_secs(later);
            answers.push(format!("{:?}", head.serving(now)));
            answers.push(format!("{:?}", case.policy.decide(&request, head, now)));
        }
    }
    answers
}

fn fields(lines: &Lines) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        let mut value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        value.set_sensitive(*name == "x-secret");
        fields.append(HeaderName::from_static(name), value);
    }
    fields
}

pub(super) type Lines = Vec<(&'static str, String)>;
