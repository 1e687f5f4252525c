//! Handlers that trust a request far too much, as handlers in the wild do, so that there is something
//! to attack: `tests/attacks`.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

/// Answers with what it looked for and with links to itself; any cache may keep it. What it believes:
/// parameters split at `;` too, the last of several, encoded names, parameters in the content of a
/// GET, `X-HTTP-Method-Override`, `X-Original-URL`, `X-Forwarded-Host`, and that errors are as
/// cacheable as everything else.
pub async fn search(method: Method, uri: Uri, headers: HeaderMap, content: Bytes) -> Response {
    let cacheable = [(header::CACHE_CONTROL, "public, max-age=600")];
    if let Some(status) = refusal(&method, &headers) {
        return (status, cacheable, "refused\n").into_response();
    }
    let content = String::from_utf8_lossy(&content);
    let rewritten = headers
        .get("x-original-url")
        .and_then(|url| url.to_str().ok());
    let query = rewritten.or_else(|| uri.query()).unwrap_or_default();
    let words = parameter(&content, "q").or_else(|| parameter(query, "q"));
    let words = words.unwrap_or_default();
    let text = format!("{words} at {}\n", site(&headers));
    (cacheable, text).into_response()
}

/// A page of the manual, found by its path as it was sent. What is not found may be kept as well.
pub async fn help(uri: Uri) -> Response {
    let cacheable = [(header::CACHE_CONTROL, "public, max-age=600")];
    if uri.path().ends_with("/help/prices") {
        (cacheable, "Prices are in cents\n").into_response()
    } else {
        (StatusCode::NOT_FOUND, cacheable, "no such page\n").into_response()
    }
}

/// Where this site is, as the request has it.
pub fn site(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("x-forwarded-host").or_else(|| text("host"));
    let scheme = text("x-forwarded-proto").unwrap_or("http");
    format!("{scheme}://{}", host.unwrap_or("shop.example"))
}

fn refusal(method: &Method, headers: &HeaderMap) -> Option<StatusCode> {
    let meant = headers.get("x-http-method-override");
    if meant.is_some_and(|meant| meant.as_bytes() != method.as_str().as_bytes()) {
        return Some(StatusCode::NOT_FOUND);
    }
    if headers.values().any(|value| value.len() > 2048) {
        return Some(StatusCode::BAD_REQUEST);
    }
    if headers.values().any(|value| value.to_str().is_err()) {
        return Some(StatusCode::INTERNAL_SERVER_ERROR);
    }
    None
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query
        .split(['&', ';', '?'])
        .filter_map(|pair| pair.split_once('='));
    let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut values = pairs.filter(|(found, _)| decode(found) == name);
    values.next_back().map(|(_, value)| decode(value))
}
