//! The narrowed request: what is left of a request for the inner service to see.

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, COOKIE, HOST, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, MAX_FORWARDS, PRAGMA, RANGE, TE, VIA,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};

use super::bytes::{KeyBuf, QueryBuf};
use super::cookies::cookies;
use super::declared::Key;
use super::unkeyed::is_unkeyed_input;

/// What passes undeclared besides the neutral fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing {
    /// `Authorization` and `Cookie`: the partition covers them.
    pub(crate) credentials: bool,
    /// `X-Forwarded-Host` and its kind: a trusted proxy sets them.
    pub(crate) forwarding: bool,
}

impl Key {
    /// A request's fields without those that the inner service is not to see, the declared ones with
    /// the values that they count as.
    pub(crate) fn narrowed(&self, headers: &HeaderMap, passing: Passing) -> HeaderMap {
        if self.forward_all {
            return self.rewritten(headers.clone(), headers);
        }
        let mut narrowed = HeaderMap::with_capacity(headers.keys_len());
        for (name, line) in headers {
            if self.passes(name, passing) {
                narrowed.append(name.clone(), line.clone());
            }
        }
        self.add_cookies(&mut narrowed, headers);
        self.rewritten(narrowed, headers)
    }

    /// What the key has of a request's fields, and nothing else, as it was sent.
    pub(crate) fn declared_fields(&self, headers: &HeaderMap) -> HeaderMap {
        let mut declared = HeaderMap::new();
        for (name, line) in headers {
            if *name == HOST || self.declares(name) {
                declared.append(name.clone(), line.clone());
            }
        }
        self.add_cookies(&mut declared, headers);
        declared
    }

    fn add_cookies(&self, narrowed: &mut HeaderMap, headers: &HeaderMap) {
        if !narrowed.contains_key(COOKIE)
            && let Some(line) = self.declared_cookies(headers)
        {
            narrowed.insert(COOKIE, line);
        }
    }

    /// Whether the inner service sees this field as it was sent, or as the declaration rewrites it.
    pub(crate) fn passes(&self, name: &HeaderName, passing: Passing) -> bool {
        self.forward_all
            || self.headers.iter().any(|part| part.name == name)
            || self.neutral.contains(name)
            || is_neutral(name)
            || (passing.credentials && (*name == COOKIE || *name == AUTHORIZATION))
            || (passing.forwarding && is_unkeyed_input(name.as_str()))
    }

    /// The same URI with the query that is left of it. `None` if that is all of it.
    #[must_use]
    pub fn narrowed_uri(&self, uri: &Uri) -> Option<Uri> {
        let mut kept = QueryBuf::new();
        let query = self.query.apply(uri.query(), &mut kept);
        if query == uri.query() {
            return None;
        }
        let text = match query {
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_owned(),
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// The declared cookies of a request in one line.
    fn declared_cookies(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut line = KeyBuf::new();
        for declared in &self.cookies {
            let sent = cookies(headers).filter(|(name, _)| *name == declared.as_bytes());
            for (name, value) in sent {
                if !line.is_empty() {
                    line.extend_from_slice(b"; ");
                }
                line.extend_from_slice(name);
                line.push(b'=');
                line.extend_from_slice(value.unwrap_or_default());
            }
        }
        let line = Some(line).filter(|line| !line.is_empty())?;
        HeaderValue::from_bytes(&line).ok()
    }

    /// Gives declared fields the values that they count as.
    pub(crate) fn rewritten(&self, mut narrowed: HeaderMap, sent: &HeaderMap) -> HeaderMap {
        for part in &self.headers {
            let mut value = KeyBuf::new();
            let present = part.normaliser.write(&part.name, sent, &mut value);
            match HeaderValue::from_bytes(&value) {
                Ok(value) if present => narrowed.insert(&part.name, value),
                _ => narrowed.remove(&part.name),
            };
        }
        narrowed
    }
}

/// Fields that are no input of a response; the documentation of [`Key`] has the list.
pub(super) fn is_neutral(name: &HeaderName) -> bool {
    match *name {
        CACHE_CONTROL | CONNECTION | HOST | IF_MODIFIED_SINCE | IF_NONE_MATCH | IF_RANGE
        | MAX_FORWARDS | PRAGMA | RANGE | TE | VIA => true,
        _ => TRACING.contains(&name.as_str()) || *name == "cdn-loop",
    }
}

const TRACING: [&str; 14] = [
    "b3",
    "request-id",
    "traceparent",
    "tracestate",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-b3-flags",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-request-id",
];
