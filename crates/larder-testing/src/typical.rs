//! Inputs that handlers and layers typically read, and values they typically have.

/// Header fields that are tried on every route, with the values tried.
pub(crate) const HEADERS: [(&str, &[&str]); 22] = [
    (
        "accept",
        &[
            "application/json",
            "text/html",
            "text/plain",
            "application/xml",
        ],
    ),
    ("accept-encoding", &["gzip", "br"]),
    ("accept-language", &["de", "en", "fr", "es", "ja"]),
    (
        "authorization",
        &["Bearer larder-testing", "Basic bGFyZGVyOnRlc3Rpbmc="],
    ),
    ("dnt", &["1"]),
    (
        "forwarded",
        &["for=203.0.113.7;host=other.example;proto=http"],
    ),
    ("origin", &["https://other.example"]),
    ("referer", &["https://other.example/page"]),
    ("save-data", &["on"]),
    ("sec-ch-ua-mobile", &["?1"]),
    ("sec-fetch-dest", &["document", "empty"]),
    (
        "user-agent",
        &[
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148",
            "Mozilla/5.0 (compatible; Googlebot/2.1)",
            "curl/8.11.0",
        ],
    ),
    ("x-api-key", &["larder-testing"]),
    ("x-forwarded-for", &["203.0.113.7"]),
    ("x-forwarded-host", &["other.example"]),
    ("x-forwarded-port", &["8443"]),
    ("x-forwarded-prefix", &["/other"]),
    ("x-forwarded-proto", &["http", "https"]),
    ("x-host", &["other.example"]),
    ("x-real-ip", &["203.0.113.7"]),
    ("x-requested-with", &["XMLHttpRequest"]),
    ("x-tenant-id", &["larder-testing"]),
];

/// Header fields that are left as they are: part of every key, about conditions, ranges and the
/// connection, for caches, or for tracing.
pub(crate) const LEFT: [&str; 32] = [
    "b3",
    "cache-control",
    "cdn-loop",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "pragma",
    "range",
    "request-id",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "uber-trace-id",
    "upgrade",
    "via",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-http-method-override",
    "x-method-override",
    "x-request-id",
];

/// A cookie and a parameter that no handler knows.
pub(crate) const MADE_UP: (&str, &str) = ("larder-testing", "1");

/// Another value of the same kind.
pub(crate) fn other_than(value: &str) -> String {
    let flipped = match value {
        "0" => "1",
        "1" => "0",
        "false" => "true",
        "true" => "false",
        "no" => "yes",
        "yes" => "no",
        "off" => "on",
        "on" => "off",
        _ => "",
    };
    match value.parse::<u64>() {
        _ if !flipped.is_empty() => flipped.to_owned(),
        Ok(number) => number.wrapping_add(1).to_string(),
        Err(_) => format!("{value}x"),
    }
}
