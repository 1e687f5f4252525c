//! Field values to try: what is sent, what is nearly that, and what nobody should send.

use proptest::prelude::*;
use proptest::sample::select;

use super::messages::Field;

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

/// A list in any of the ways in which people write one.
pub fn list_of(
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
pub fn seconds() -> impl Strategy<Value = String> {
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

pub fn validators() -> impl Strategy<Value = Vec<Field>> {
    let good = vec!["\"a\"", "W/\"a\"", "\"\"", "\"a,b\""];
    let bad = vec!["a", "w/\"a\"", "\"a", "\"a b\"", "\"a\", \"b\"", ""];
    let tag = prop_oneof![4 => select(good), 1 => select(bad)].prop_map(String::from);
    sometimes(2, lines("etag", tag))
}

pub fn vary() -> impl Strategy<Value = String> {
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

pub fn other_response_fields() -> impl Strategy<Value = Vec<Field>> {
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

pub fn range_fields() -> impl Strategy<Value = Vec<Field>> {
    let range = one("range", &["bytes=0-1", "bytes=5-", "x"]);
    let condition = one(
        "if-range",
        &["\"a\"", "W/\"a\"", "Fri, 15 Jan 2027 08:00:00 GMT"],
    );
    (sometimes(2, range), sometimes(2, condition)).prop_map(|(a, b)| [a, b].concat())
}

/// A field with which the cache takes no part, or which only looks so.
pub fn disqualifying_field() -> impl Strategy<Value = Vec<Field>> {
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

pub fn one(
    name: &'static str,
    values: &[&'static str],
) -> impl Strategy<Value = Vec<Field>> + use<> {
    select(values.to_vec()).prop_map(move |value| vec![(name.into(), value.into())])
}

/// One line of a field, sometimes two, seldom three.
pub fn lines(
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

pub fn usually(fields: impl Strategy<Value = Vec<Field>>) -> impl Strategy<Value = Vec<Field>> {
    (proptest::bool::weighted(0.85), fields)
        .prop_map(|(there, fields)| if there { fields } else { Vec::new() })
}

/// Once in so many times.
pub fn sometimes(
    times: u32,
    fields: impl Strategy<Value = Vec<Field>>,
) -> impl Strategy<Value = Vec<Field>> {
    (proptest::bool::weighted(1.0 / f64::from(times)), fields)
        .prop_map(|(there, fields)| if there { fields } else { Vec::new() })
}

pub const FIELD_LISTS: [&str; 14] = [
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
pub const ODDITIES: [&str; 17] = [
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
