//! Answers, and when two of them are the same.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};
use larder::Probed;

use crate::app::Reply;
use crate::difference::Difference;
use crate::untestable::Untestable;

/// An answer of the application, seen from inside or outside the cache.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    /// `None` is longer than what a cache keeps.
    body: Option<&'a [u8]>,
}

impl<'a> From<&'a Probed> for Answer<'a> {
    fn from(probed: &'a Probed) -> Self {
        Self {
            status: probed.status(),
            headers: probed.headers(),
            body: probed.body().map(AsRef::as_ref),
        }
    }
}

impl<'a> From<&'a Reply> for Answer<'a> {
    fn from(reply: &'a Reply) -> Self {
        Self {
            status: reply.status,
            headers: &reply.headers,
            body: Some(&reply.body),
        }
    }
}

/// What counts when answers are compared.
#[derive(Clone)]
pub(crate) struct Compare {
    ignored: BTreeSet<String>,
    same_body: Arc<SameBody>,
}

type SameBody = dyn Fn(&[u8], &[u8]) -> bool + Send + Sync;

impl Compare {
    /// Everything but these fields.
    pub(crate) fn but(ignored: &[&str]) -> Self {
        Self {
            ignored: ignored.iter().map(|name| (*name).to_owned()).collect(),
            same_body: Arc::new(|a, b| a == b),
        }
    }

    pub(crate) fn ignore_header(&mut self, name: &str) -> Result<(), Untestable> {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed = parsed.map_err(|_| {
            Untestable::setting("ignore_header", name, "is not the name of a header field")
        })?;
        self.ignored.insert(parsed.as_str().to_owned());
        Ok(())
    }

    pub(crate) fn compare_body_with(
        &mut self,
        same: impl Fn(&[u8], &[u8]) -> bool + Send + Sync + 'static,
    ) {
        self.same_body = Arc::new(same);
    }

    /// The first thing in which two answers differ.
    pub(crate) fn difference<'a>(
        &self,
        one: impl Into<Answer<'a>>,
        other: impl Into<Answer<'a>>,
    ) -> Option<Difference> {
        let (one, other) = (one.into(), other.into());
        if one.status != other.status {
            return Some(Difference::Status(one.status, other.status));
        }
        let names = one.headers.keys().chain(other.headers.keys());
        let mut counted = names.filter(|name| !self.ignored.contains(name.as_str()));
        let differs = |name: &&HeaderName| {
            let (ones, others) = (one.headers.get_all(*name), other.headers.get_all(*name));
            !ones.iter().eq(others.iter())
        };
        if let Some(name) = counted.find(differs) {
            return Some(Difference::Header(name.clone()));
        }
        match (one.body, other.body) {
            (Some(one), Some(other)) if (self.same_body)(one, other) => None,
            (None, None) => None,
            (one, other) => {
                let pairs = one
                    .unwrap_or_default()
                    .iter()
                    .zip(other.unwrap_or_default());
                let same = pairs.take_while(|(one, other)| one == other).count();
                Some(Difference::Body(same))
            }
        }
    }
}

impl fmt::Debug for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compare")
            .field("ignored", &self.ignored)
            .finish_non_exhaustive()
    }
}

/// Fields that differ from one answer to the next and mean nothing.
pub(crate) const OF_THE_MOMENT: [&str; 9] = [
    "age",
    "cache-status",
    "date",
    "request-id",
    "server-timing",
    "traceparent",
    "tracestate",
    "x-correlation-id",
    "x-request-id",
];

/// Fields that a cache writes, takes away, or writes differently.
pub(crate) const OF_CACHES: [&str; 13] = [
    "accept-ranges",
    "cache-control",
    "cdn-cache-control",
    "connection",
    "content-length",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "surrogate-control",
    "transfer-encoding",
    "vary",
    "via",
];
