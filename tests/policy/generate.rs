//! Messages as they come, and as they should not come.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use larder::Policy;
use larder::policy::{Exchange, RequestHead};
use larder_tests::START;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::date_values::dates;
use super::dictionary_values::dictionary;
use super::messages::{Field, Request, Response, Rules, Times};
use super::values::{
    disqualifying_field, lines, one, other_response_fields, range_fields, request_directives,
    response_directives, selecting_fields, sometimes, usually, validators, vary,
};

/// One exchange, and the settings under which it is looked at.
#[derive(Clone, Debug)]
pub struct Case {
    pub rules: Rules,
    pub request: Request,
    pub response: Response,
    pub times: Times,
}

impl Case {
    /// The settings in the crate's own terms.
    pub fn policy(&self) -> Policy {
        let rules = &self.rules;
        let start = if rules.errors {
            Policy::conformance()
        } else if rules.shared {
            Policy::shared()
        } else {
            Policy::private()
        };
        let window = rules.stale_on_failure;
        let policy = start
            .with_heuristics(rules.heuristics)
            .with_request_directives(rules.honour)
            .with_shared_cookie_requests(rules.share_cookies)
            .with_stored_set_cookie(rules.store_set_cookie)
            .with_explicit_windows_over_s_maxage(rules.windows_beat_s_maxage)
            .with_stale_on_failure((window > 0).then(|| milliseconds(window)))
            .with_grace((rules.grace > 0).then(|| milliseconds(rules.grace)))
            .with_keep(rules.keep.map(milliseconds))
            .with_target_list(rules.targets.iter().map(|name| name.parse().unwrap()));
        match rules.cap {
            Some(cap) => policy.with_lifetime_cap(milliseconds(cap)),
            None => policy,
        }
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.response.status).unwrap()
    }

    pub fn exchange(&self) -> Exchange {
        Exchange {
            request_time: instant(self.times.asked),
            response_time: instant(self.times.came),
        }
    }
}

/// A request in the crate's own terms.
pub struct Head {
    method: Method,
    uri: Uri,
    pub headers: HeaderMap,
    content: bool,
}

impl Head {
    pub fn of(request: &Request) -> Self {
        Self {
            method: request.method.parse().unwrap(),
            uri: Uri::from_static("/a"),
            headers: headers(&request.fields),
            content: request.content,
        }
    }

    pub fn head(&self) -> RequestHead<'_> {
        RequestHead::new(&self.method, &self.uri, &self.headers, self.content)
    }
}

pub fn headers(fields: &[Field]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

pub fn instant(milliseconds_since_1970: i64) -> SystemTime {
    UNIX_EPOCH + milliseconds(milliseconds_since_1970)
}

fn milliseconds(count: i64) -> Duration {
    Duration::from_millis(count.try_into().unwrap())
}

pub fn case() -> BoxedStrategy<Case> {
    (rules(), request(), response(), times())
        .prop_map(|(rules, request, response, times)| Case {
            rules,
            request,
            response,
            times,
        })
        .boxed()
}

/// The presets as they are, and with a few settings turned.
pub fn rules() -> impl Strategy<Value = Rules> {
    let preset = |shared, all| Rules {
        shared,
        errors: all,
        heuristics: all,
        honour: all,
        share_cookies: all,
        store_set_cookie: all,
        windows_beat_s_maxage: false,
        stale_on_failure: if all { 24 * 3600 * 1000 } else { 0 },
        grace: 0,
        keep: None,
        cap: None,
        targets: if all {
            vec!["cdn-cache-control".into()]
        } else {
            Vec::new()
        },
    };
    let presets = select(vec![
        preset(true, false),
        preset(true, true),
        preset(false, false),
    ]);
    let turned = subsequence((0..12).collect::<Vec<_>>(), 0..4);
    let turned = prop_oneof![2 => Just(Vec::new()), 3 => turned];
    let span = select(vec![0, 1, 10_000, 60_000, 3_600_000]);
    (presets, turned, span).prop_map(|(mut rules, turned, span)| {
        for setting in turned {
            match setting {
                0 => rules.heuristics = !rules.heuristics,
                1 | 2 => rules.honour = !rules.honour,
                3 => rules.share_cookies = !rules.share_cookies,
                4 => rules.store_set_cookie = !rules.store_set_cookie,
                5 => rules.windows_beat_s_maxage = true,
                6 => rules.cap = Some(60_000),
                7 | 8 => rules.grace = span,
                9 => rules.keep = Some(span),
                10 => (rules.keep, rules.stale_on_failure) = (Some(span), 0),
                _ => {
                    let both = ["example-cache-control", "cdn-cache-control"];
                    rules.targets = both.map(String::from).to_vec();
                }
            }
        }
        rules
    })
}

pub fn times() -> impl Strategy<Value = Times> {
    let start = i64::try_from(START).unwrap() * 1000;
    let fraction = prop_oneof![Just(0), select(vec![10, 500, 990])];
    let working = select(vec![0, 0, 0, 10, 1000, 2500, 61_000, -5000]);
    (fraction, working).prop_map(move |(fraction, working)| Times {
        asked: start + fraction - working,
        came: start + fraction,
    })
}

pub fn request() -> BoxedStrategy<Request> {
    let method = prop_oneof![
        12 => Just("GET"),
        3 => Just("HEAD"),
        1 => select(vec!["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
    ];
    let fields = (
        sometimes(2, lines("cache-control", request_directives())),
        sometimes(
            6,
            lines(
                "pragma",
                select(vec!["no-cache", "no-cache, x", "x", ""]).prop_map(String::from),
            ),
        ),
        sometimes(4, selecting_fields()),
        sometimes(5, one("authorization", &["Bearer a", "Basic YTpi"])),
        sometimes(
            5,
            lines(
                "cookie",
                select(vec!["a=1", "a=1; b=2", "b=2", ""]).prop_map(String::from),
            ),
        ),
        sometimes(6, range_fields()),
        sometimes(30, disqualifying_field()),
    );
    (method, fields, proptest::bool::weighted(0.02))
        .prop_map(|(method, fields, content)| {
            let (a, b, c, d, e, f, g) = fields;
            Request {
                method: method.into(),
                fields: [a, b, c, d, e, f, g].concat(),
                content,
            }
        })
        .boxed()
}

pub fn response() -> BoxedStrategy<Response> {
    let usual = vec![200, 200, 200, 200, 203, 204, 300, 301, 308, 404, 410];
    let unusual = vec![
        100, 201, 202, 206, 226, 299, 302, 303, 304, 307, 400, 401, 403, 405, 412, 414, 416, 425,
        428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 511, 599, 600, 999,
    ];
    let status = prop_oneof![4 => select(usual), 1 => select(unusual)];
    let fields = (
        usually(lines("cache-control", response_directives())),
        sometimes(4, lines("cdn-cache-control", dictionary())),
        sometimes(8, lines("example-cache-control", dictionary())),
        dates(),
        validators(),
        sometimes(3, lines("vary", vary())),
        other_response_fields(),
    );
    (status, fields)
        .prop_map(|(status, (a, b, c, d, e, f, g))| Response {
            status,
            fields: [a, b, c, d, e, f, g].concat(),
        })
        .boxed()
}

/// Any field lines reordered, without changing the order of lines of one name.
pub fn reordered(fields: &[Field], keys: &[u32]) -> Vec<Field> {
    let mut names: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let mut keyed: Vec<_> = names.iter().zip(keys.iter().cycle()).collect();
    keyed.sort_by_key(|(_, key)| **key);
    let of = |name: &String| {
        fields
            .iter()
            .filter(|(n, _)| n == name)
            .cloned()
            .collect::<Vec<_>>()
    };
    keyed.into_iter().flat_map(|(name, _)| of(name)).collect()
}
