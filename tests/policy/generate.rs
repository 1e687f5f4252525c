//! Messages as they come, and as they should not come.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use larder::Policy;
use larder::policy::{Exchange, RequestHead};
use larder_tests::START;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::naive::{Field, Request, Response, Rules, Times};

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
    let turned = subsequence((0..8).collect::<Vec<_>>(), 0..3);
    (presets, prop_oneof![2 => Just(Vec::new()), 3 => turned]).prop_map(|(mut rules, turned)| {
        for setting in turned {
            match setting {
                0 => rules.heuristics = !rules.heuristics,
                1 | 2 => rules.honour = !rules.honour,
                3 => rules.share_cookies = !rules.share_cookies,
                4 => rules.store_set_cookie = !rules.store_set_cookie,
                5 => rules.windows_beat_s_maxage = true,
                6 => rules.cap = Some(60_000),
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

/// Fields by which variants are told apart.
pub fn selecting_fields() -> impl Strategy<Value = Vec<Field>> {
    let accept = [
        "text/html",
        "text/html;level=1, */*",
        "Text/HTML ;level=1,*/*",
        "a/b;c=\"x, y\"",
    ];
    let encoding = [
        "gzip",
        "GZIP",
        "gzip, br",
        "br, gzip",
        "gzip,br",
        " gzip ,, br",
        "",
        " , ",
    ];
    let language = ["de", "de, en;q=0.5", "de,en ; q=0.5", "en;q=0.5, de", "DE"];
    let lists = (
        sometimes(2, one("accept", &accept)),
        sometimes(
            2,
            lines(
                "accept-encoding",
                select(encoding.to_vec()).prop_map(String::from),
            ),
        ),
        sometimes(2, one("accept-language", &language)),
        sometimes(2, one("origin", &["https://a", "https://b", "null", ""])),
        sometimes(
            2,
            lines(
                "x-flag",
                select(vec!["a", "A", "a, b", "a,b", " a", "", "é"]).prop_map(String::from),
            ),
        ),
    );
    lists.prop_map(|(a, b, c, d, e)| [a, b, c, d, e].concat())
}

/// Members of a response's Cache-Control.
pub fn response_directives() -> impl Strategy<Value = String> {
    let flag = vec![
        "public",
        "public",
        "private",
        "no-store",
        "no-cache",
        "must-revalidate",
        "proxy-revalidate",
        "must-understand",
        "immutable",
        "no-transform",
    ];
    let qualified = (
        select(vec!["private", "no-cache"]),
        select(FIELD_LISTS.to_vec()),
    );
    let timed = vec![
        "max-age",
        "max-age",
        "s-maxage",
        "stale-while-revalidate",
        "stale-if-error",
    ];
    let member = prop_oneof![
        10 => (select(timed), seconds()).prop_map(|(name, argument)| format!("{name}{argument}")),
        6 => select(flag).prop_map(String::from),
        2 => qualified.prop_map(|(name, list)| format!("{name}={list}")),
        1 => select(ODDITIES.to_vec()).prop_map(String::from),
    ];
    list_of(member, 0..5)
}

/// Members of a request's Cache-Control.
pub fn request_directives() -> impl Strategy<Value = String> {
    let flag = vec![
        "no-cache",
        "no-store",
        "only-if-cached",
        "no-transform",
        "max-stale",
    ];
    let timed = vec![
        "max-age",
        "max-age",
        "min-fresh",
        "max-stale",
        "stale-if-error",
    ];
    let member = prop_oneof![
        12 => (select(timed), seconds()).prop_map(|(name, argument)| format!("{name}{argument}")),
        3 => select(flag).prop_map(String::from),
        1 => select(ODDITIES.to_vec()).prop_map(String::from),
    ];
    list_of(member, 0..3)
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

/// A list in any of the ways in which people write one.
fn list_of(
    member: impl Strategy<Value = String>,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = String> {
    let separator =
        prop_oneof![6 => Just(", "), 2 => Just(","), 1 => Just(" ,\t"), 1 => Just(" , ,")];
    let shape = (separator, select(vec![0, 0, 0, 1, 2]));
    (proptest::collection::vec(member, count), shape).prop_map(|(members, (separator, case))| {
        let list = members.join(separator);
        match case {
            0 => list,
            1 => list.to_ascii_uppercase(),
            _ => format!(" {list},"),
        }
    })
}

/// What follows the name of a directive that takes seconds.
fn seconds() -> impl Strategy<Value = String> {
    let good = vec![
        "0",
        "1",
        "10",
        "60",
        "60",
        "61",
        "3600",
        "0060",
        "2147483647",
    ];
    let huge = vec!["2147483648", "99999999999999999999", "31536000"];
    let bad = vec!["", "x", "-1", "+1", "1.5", "60s", " 60", "1e3", "0x10"];
    prop_oneof![
        16 => select(good.clone()).prop_map(|n| format!("={n}")),
        2 => select(huge).prop_map(|n| format!("={n}")),
        2 => select(good).prop_map(|n| format!("=\"{n}\"")),
        3 => select(bad.clone()).prop_map(|n| format!("={n}")),
        1 => select(bad).prop_map(|n| format!("=\"{n}\"")),
        1 => select(vec!["", " = 60", "= 60", " =60", "=\"\\6\\0\"", "=\"60", "='60'"]).prop_map(String::from),
    ]
}

/// A targeted field: mostly a dictionary.
fn dictionary() -> impl Strategy<Value = String> {
    let timed = vec![
        "max-age",
        "max-age",
        "s-maxage",
        "stale-while-revalidate",
        "stale-if-error",
    ];
    let good = vec!["=0", "=60", "=60", "=3600", "=60;a=1;b", "=999999999999999"];
    let wrong = vec![
        "", "=?0", "=-1", "=6.0", "=x", "=\"60\"", "=(60)", "=:YQ==:", "=@60", "=1.",
    ];
    let argument = prop_oneof![8 => select(good), 1 => select(wrong)];
    let flags = vec![
        "no-store",
        "no-store=?0",
        "no-store=1",
        "private",
        "private=?0",
        "private=(\"set-cookie\" \"x-a\")",
        "private=()",
        "no-cache",
        "no-cache=(\"x-a\";b)",
        "no-cache=(\"a b\")",
        "no-cache=\"x-a\"",
        "public",
        "public=1",
        "must-revalidate",
        "must-revalidate=?0",
        "proxy-revalidate",
        "must-understand",
        "must-understand=1",
        "immutable",
        "none",
    ];
    let broken = vec![
        "Max-Age=60",
        "max-age =60",
        "a=",
        "=1",
        "a=1234567890123456",
        "no-store max-age",
        "a=(",
        "a=\"b",
        "é",
    ];
    let member = prop_oneof![
        8 => (select(timed), argument).prop_map(|(name, argument)| format!("{name}{argument}")),
        6 => select(flags).prop_map(String::from),
        1 => select(broken).prop_map(String::from),
    ];
    let separator =
        prop_oneof![8 => Just(", "), 2 => Just(","), 1 => Just("\t ,  "), 1 => Just(",,")];
    (proptest::collection::vec(member, 0..4), separator).prop_map(|(m, s)| m.join(s))
}

/// Date, Age, Expires and Last-Modified.
fn dates() -> impl Strategy<Value = Vec<Field>> {
    let age = vec![
        "0",
        "10",
        "59",
        "60",
        "3600",
        "10, 20",
        ", 7",
        "-1",
        "x",
        "",
        "1.5",
        "99999999999",
    ];
    let fields = (
        prop_oneof![2 => Just(Vec::new()), 3 => lines("date", date()), 2 => now("date")],
        sometimes(3, lines("age", select(age).prop_map(String::from))),
        sometimes(2, lines("expires", date())),
        sometimes(3, lines("last-modified", date())),
    );
    fields.prop_map(|(a, b, c, d)| [a, b, c, d].concat())
}

fn now(name: &'static str) -> impl Strategy<Value = Vec<Field>> {
    Just(vec![(name.into(), imf(0))])
}

/// A date near [`START`] in any of the three forms, or something that only looks like one.
fn date() -> impl Strategy<Value = String> {
    let near = vec![-61, -60, -59, -10, -1, 0, 0, 1, 10, 59, 60, 61, 3600];
    let far = vec![
        -86_400 * 400,
        -86_400 * 10,
        86_400,
        86_400 * 400,
        -1_800_000_000,
        1_577_923_200,
    ];
    let offset = prop_oneof![3 => select(near), 1 => select(far)];
    let good = (offset, 0..8).prop_map(|(offset, form)| write_date(offset, form));
    prop_oneof![5 => good, 1 => select(BAD_DATES.to_vec()).prop_map(String::from)]
}

fn write_date(offset: i64, form: i32) -> String {
    let imf = imf(offset);
    let (weekday, day, month, year, clock) = (
        &imf[..3],
        &imf[5..7],
        &imf[8..11],
        &imf[12..16],
        &imf[17..25],
    );
    match form {
        0 => imf.to_ascii_uppercase(),
        1 => format!("Sun, {}", &imf[5..]),
        2 => format!("Friday, {day}-{month}-{} {clock} GMT", &year[2..]),
        3 => {
            let day = day
                .strip_prefix('0')
                .map_or(day.to_owned(), |digit| format!(" {digit}"));
            format!("{weekday} {month} {day} {clock} {year}")
        }
        4 => format!("{}:60 GMT", &imf[..22]),
        _ => imf,
    }
}

fn imf(offset: i64) -> String {
    let seconds = START.checked_add_signed(offset).unwrap();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn validators() -> impl Strategy<Value = Vec<Field>> {
    let good = vec!["\"a\"", "W/\"a\"", "\"\"", "\"a,b\""];
    let bad = vec!["a", "w/\"a\"", "\"a", "\"a b\"", "\"a\", \"b\"", ""];
    let tag = prop_oneof![4 => select(good), 1 => select(bad)].prop_map(String::from);
    sometimes(2, lines("etag", tag))
}

fn vary() -> impl Strategy<Value = String> {
    let names = vec![
        "Accept",
        "accept-encoding",
        "Accept-Language",
        "Origin",
        "Cookie",
        "X-Flag",
        "x-absent",
        "cache-control",
        "authorization",
    ];
    let odd = vec!["*", "a b", "\"x\"", "@", ""];
    let member = prop_oneof![20 => select(names), 1 => select(odd)].prop_map(String::from);
    let many = || {
        (0..17)
            .map(|n| format!("x-{n}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    prop_oneof![30 => list_of(member, 0..4), 1 => Just(many())]
}

fn other_response_fields() -> impl Strategy<Value = Vec<Field>> {
    let connection = [
        "close",
        "keep-alive, x-a",
        "Cache-Control",
        "x-a, ETAG",
        "content-encoding",
        "cdn-cache-control",
        "vary",
    ];
    let fields = (
        sometimes(6, one("set-cookie", &["a=1", "b=2; Path=/"])),
        sometimes(
            8,
            one("access-control-allow-origin", &["*", "https://a", "null"]),
        ),
        sometimes(8, one("content-encoding", &["gzip", "br"])),
        sometimes(15, one("connection", &connection)),
        sometimes(25, one("content-range", &["bytes 0-1/2", "bytes */2"])),
        sometimes(3, one("x-a", &["1", ""])),
        sometimes(4, one("pragma", &["no-cache"])),
    );
    fields.prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat())
}

fn range_fields() -> impl Strategy<Value = Vec<Field>> {
    let range = one("range", &["bytes=0-1", "bytes=5-", "x"]);
    let condition = one(
        "if-range",
        &["\"a\"", "W/\"a\"", "Fri, 15 Jan 2027 08:00:00 GMT"],
    );
    (sometimes(2, range), sometimes(2, condition)).prop_map(|(a, b)| [a, b].concat())
}

/// A field with which the cache takes no part, or which only looks so.
fn disqualifying_field() -> impl Strategy<Value = Vec<Field>> {
    let fields = [
        ("if-match", "*"),
        ("if-unmodified-since", "x"),
        ("upgrade", "websocket"),
        ("content-length", "5"),
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("x-original-url", "/b"),
        ("x-rewrite-url", "/b"),
        ("x-http-method-override", "DELETE"),
    ];
    select(fields.to_vec()).prop_map(|(name, value)| vec![(name.into(), value.into())])
}

fn one(name: &'static str, values: &[&'static str]) -> impl Strategy<Value = Vec<Field>> + use<> {
    select(values.to_vec()).prop_map(move |value| vec![(name.into(), value.into())])
}

/// One line of a field, sometimes two, seldom three.
fn lines(
    name: &'static str,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = Vec<Field>> {
    let count = prop_oneof![12 => Just(1usize), 2 => Just(2), 1 => Just(3)];
    (proptest::collection::vec(value, 3), count).prop_map(move |(values, count)| {
        values
            .into_iter()
            .take(count)
            .map(|value| (name.into(), value))
            .collect()
    })
}

fn usually(fields: impl Strategy<Value = Vec<Field>>) -> impl Strategy<Value = Vec<Field>> {
    (proptest::bool::weighted(0.85), fields)
        .prop_map(|(there, fields)| if there { fields } else { Vec::new() })
}

/// Once in so many times.
fn sometimes(
    times: u32,
    fields: impl Strategy<Value = Vec<Field>>,
) -> impl Strategy<Value = Vec<Field>> {
    (proptest::bool::weighted(1.0 / f64::from(times)), fields)
        .prop_map(|(there, fields)| if there { fields } else { Vec::new() })
}

const FIELD_LISTS: [&str; 14] = [
    "\"set-cookie\"",
    "\"Set-Cookie, X-A\"",
    "\"x-a\"",
    "\"etag\"",
    "\"etag, last-modified\"",
    "x-a",
    "SET-COOKIE",
    "\"\"",
    "\" , \"",
    "",
    "\"a b\"",
    "'x-a'",
    "\"x-a",
    "\"x\\-a\"",
];

/// Members that are unknown, mean something else than they seem to, or are garbage.
const ODDITIES: [&str; 17] = [
    "x=\"no-store, private\"",
    "x=\"no-store\"",
    "frobnicate",
    "frobnicate=1",
    "x=",
    "no-store=1",
    "public=\"a, b\"",
    "private2",
    "no-storex",
    "stale-while-revalidate-for-ever=1",
    "no store",
    "=1",
    "\"no-store\"",
    "x=\"",
    "x=\"a\"b",
    "max-age;60",
    "é",
];

const BAD_DATES: [&str; 16] = [
    "0",
    "-1",
    "",
    "never",
    "Fri, 15 Jan 2027 08:00:00",
    "Fri, 15 Jan 2027 08:00:00 UTC",
    "Fri, 15 Jan 2027 08:00:00 +0000",
    "Fri, 15 Jan 2027 8:00:00 GMT",
    "Fri,  15 Jan 2027 08:00:00 GMT",
    "Fri, 15 Jan 2027 24:00:00 GMT",
    "Fri, 15 Jan 2027 08:00:61 GMT",
    "Wed, 31 Feb 2027 08:00:00 GMT",
    "Fri, 15 Jan 27 08:00:00 GMT",
    "Fry, 15 Jan 2027 08:00:00 GMT",
    "2027-01-15T08:00:00Z",
    "1800000000",
];
