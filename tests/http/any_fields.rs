//! Any bytes in any field: no panic, and a defined answer.

use http::{HeaderMap, HeaderName, HeaderValue};
use larder::Policy;
use larder_tests::{Origin, Setup, feed, request, response};
use proptest::prelude::*;

/// Every field that the cache looks at.
const FIELDS: [&str; 41] = [
    "accept-encoding",
    "access-control-allow-origin",
    "age",
    "authorization",
    "cache-control",
    "cache-group-invalidation",
    "cache-groups",
    "cache-status",
    "cache-tag",
    "cdn-cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "cookie",
    "date",
    "etag",
    "expires",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "origin",
    "pragma",
    "range",
    "set-cookie",
    "surrogate-key",
    "transfer-encoding",
    "upgrade",
    "vary",
    "x-forwarded-host",
    "x-http-method-override",
    "x-original-url",
    "x-own",
    "xkey",
];

type Lines = Vec<(HeaderName, HeaderValue)>;

/// Any bytes a field can hold, and what is nearly right.
fn value() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop_oneof![
        prop::collection::vec(prop_oneof![0x20..0x7fu8, 0x80..=0xffu8, Just(b'\t')], 0..40),
        "[0-9]{1,25}".prop_map(String::into_bytes),
        "-?[0-9.e+]{1,12}".prop_map(String::into_bytes),
        "(max-age|s-maxage|stale-if-error|no-cache|private|public|no-store|must-understand)[=\",;a-z0-9 -]{0,12}"
            .prop_map(String::into_bytes),
        "(W/)?\"[a-z,\"\\\\]{0,5}\"?(, )?\\*?".prop_map(String::into_bytes),
        "bytes=[0-9]{0,22}-[0-9]{0,22}(,[0-9-]{0,5})?".prop_map(String::into_bytes),
        "(Mon|Fri), [0-9]{2} (Jan|Feb) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
            .prop_map(String::into_bytes),
        "(https?:)?(//)?[a-z@:.%/?#\\[\\]]{0,12}".prop_map(String::into_bytes),
        "[a-z-]{1,12}(, ?[a-z*-]{0,12}){0,3}".prop_map(String::into_bytes),
    ];
    bytes.prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

fn lines() -> impl Strategy<Value = Lines> {
    let name = prop::sample::select(&FIELDS[..]).prop_map(HeaderName::from_static);
    prop::collection::vec((name, value()), 0..6)
}

fn map(lines: &Lines) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name, value.clone());
    }
    map
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Sends each request (seconds after the one before, method, fields) and checks its answer.
async fn answers(policy: Policy, reply: (u16, Lines), requests: Vec<(u64, &'static str, Lines)>) {
    let status = reply.0;
    let setup = Setup::with_policy(
        Origin::new(move |_, calls| {
            let mut whole = response(status, &[], format!("body {calls}"));
            *whole.headers_mut() = map(&reply.1);
            whole
        }),
        policy,
    );
    for (later, method, lines) in requests {
        setup.clock.advance(later);
        let before = setup.origin.calls();
        let mut sent = request(method, "/a", &[]);
        *sent.headers_mut() = map(&lines);
        let reply = setup.send(sent).await;
        let forwarded = setup.origin.calls() - before;
        let told = reply.headers.get_all("cache-status").iter().next_back();
        let told = told.map_or("", |told| told.to_str().unwrap_or("?"));
        match forwarded {
            0 => {
                let own = reply.status == 504 || told.contains("hit") || told == "?";
                assert!(own, "{reply:?}");
            }
            1 => assert!(told.contains("fwd=") || told == "?", "{reply:?}"),
            // Asked again without conditions.
            2 => assert!(reply.status == 502 || reply.status == status, "{reply:?}"),
            more => panic!("{more} forwards"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_in_any_field(
        conformance: bool,
        status in prop::sample::select(&[200u16, 200, 200, 204, 206, 301, 304, 404, 500, 503][..]),
        cacheable: bool,
        fields in lines(),
        requests in prop::collection::vec(
            (0..100u64, prop::sample::select(&["GET", "GET", "GET", "HEAD", "POST"][..]), lines()),
            1..6,
        ),
    ) {
        let policy = if conformance { Policy::conformance() } else { Policy::shared() };
        let mut fields = fields;
        if cacheable {
            let line = ("cache-control", "max-age=60, stale-if-error=9");
            let name = HeaderName::from_static(line.0);
            fields.push((name, HeaderValue::from_static(line.1)));
        }
        run(answers(policy, (status, fields), requests));
    }

    #[test]
    fn any_length_before_any_body(length in value(), chunks in prop::collection::vec(0..9usize, 0..4)) {
        run(async {
            let total: usize = chunks.iter().sum();
            let line = length.clone();
            let setup = Setup::shared(Origin::new(move |_, _| {
                let (feeder, body) = feed();
                chunks.iter().for_each(|bytes| feeder.data(vec![b'x'; *bytes]));
                let mut whole = response(200, &[("cache-control", "max-age=60")], body);
                whole.headers_mut().insert("content-length", line.clone());
                whole
            }));
            for _ in 0..2 {
                assert_eq!(setup.get("/a").await.body.len(), total);
            }
            let hit = setup.get("/a").await;
            assert!(!hit.is_hit() || length.as_bytes().iter().all(u8::is_ascii_digit));
        });
    }
}

#[tokio::test]
async fn absurd_dates_and_numbers() {
    for value in [
        "-1",
        "0",
        "99999999999999999999999999",
        "18446744073709551616",
        "1e9",
        "NaN",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 0000 23:59:59 GMT",
        "Mon, 31 Feb 2027 25:61:61 GMT",
        "Fri, 15 Jan 99999 08:00:00 GMT",
        "Friday, 15-Jan-99 08:00:00 GMT",
        "\u{fffd}",
        "",
    ] {
        for name in [
            "age",
            "date",
            "expires",
            "last-modified",
            "content-length",
            "retry-after",
        ] {
            for cache_control in ["max-age=60", "s-maxage=99999999999999999999", "public"] {
                for policy in [Policy::shared(), Policy::conformance()] {
                    let fields = [("cache-control", cache_control), (name, value)];
                    let setup = Setup::with_policy(Origin::ok(&fields), policy);
                    setup.get("/a").await;
                    setup.clock.advance(1);
                    let again = setup.get("/a").await;
                    if again.is_hit() {
                        assert!(again.field("age").parse::<u64>().unwrap() >= 1);
                    }
                    assert_eq!(again.status, 200);
                    setup.get_with("/a", &[("if-modified-since", value)]).await;
                    setup
                        .get_with("/a", &[("range", "bytes=0-1"), ("if-range", value)])
                        .await;
                }
            }
        }
        let asked = format!("max-age={value}, min-fresh={value}, max-stale={value}");
        let setup = Setup::conformance(Origin::ok(&[("cache-control", "max-age=60")]));
        setup.get("/a").await;
        assert_eq!(
            setup
                .get_with("/a", &[("cache-control", &asked)])
                .await
                .status,
            200
        );
    }
}
