//! What of a response of the inner service is to be stored, or why it is not.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, response};
use http_body::Body;
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, SkipReason, StoredHead};

use crate::hint::{CacheHint, is_opted_out};
use crate::job::Job;
use crate::named::OfRequest;
use crate::names::Names;
use crate::tripwire::Watch;

/// A response that may be stored.
pub(crate) struct Admitted {
    pub(crate) head: Box<StoredHead>,
    /// The length its body announces.
    pub(crate) announced: Option<u64>,
    /// By what it can be purged.
    pub(crate) names: Names,
    /// What is to be looked for in its body.
    pub(crate) watch: Option<Box<Watch>>,
}

impl Job {
    /// As [`admit`](Self::admit), with what is to be looked for in the body of a response that others
    /// are to have.
    pub(crate) fn search<C: Body>(
        &self,
        named: &OfRequest,
        parts: &response::Parts,
        body: &C,
        times: Exchange,
    ) -> Result<Admitted, SkipReason> {
        let mut admitted = self.admit(named, parts, body, times)?;
        if let Some(caller) = &self.caller {
            admitted.watch = caller.watch(&self.context.cache, &admitted.head)?;
        }
        Ok(admitted)
    }

    /// What is to be stored, or why it is not.
    pub(crate) fn admit<C: Body>(
        &self,
        named: &OfRequest,
        parts: &response::Parts,
        body: &C,
        times: Exchange,
    ) -> Result<Admitted, SkipReason> {
        if self.has_inner || is_opted_out(&parts.extensions) {
            return Err(SkipReason::OptedOut);
        }
        if self.is_too_large(&parts.headers) {
            return Err(SkipReason::HeadersTooLarge);
        }
        let class = self.fetch.class;
        let announced = announced_length(&parts.headers, body)?;
        let limit = self.context.cache.shared().limits.max_body_bytes;
        // The length that HEAD announces is not that of a body to be stored.
        if class != MethodClass::Head && announced.is_some_and(|bytes| bytes > limit) {
            return Err(SkipReason::BodyTooLarge);
        }
        let refinement = CacheHint::of(&parts.extensions).map(CacheHint::refinement);
        let policy = self.context.refined(refinement.unwrap_or_default());
        let mut request = self.sent.head().on_behalf_of(self.credentials);
        if self.fetch.stored.is_some() {
            request = request.whole();
        }
        let head = match policy.admit(class, &request, parts.status, &parts.headers, times) {
            Admission::Store(head) => head,
            Admission::Skip(reason) => return Err(self.why(reason)),
            _ => return Err(SkipReason::Status),
        };
        let names = self.names_with(named, &named.names, &parts.extensions, &head)?;
        if !self.is_within_budget(&head, times.response_time) {
            return Err(SkipReason::Cardinality);
        }
        Ok(Admitted {
            head,
            announced,
            names,
            watch: None,
        })
    }

    /// Credentials that the inner service has not seen are in the way only of what somebody may have
    /// made of them.
    fn why(&self, reason: SkipReason) -> SkipReason {
        let (head, made) = (self.sent.head(), SkipReason::UndeclaredExtension);
        match reason {
            _ if self.unattended || self.route.is_none() => reason,
            SkipReason::Authorization if !head.has_authorization() => made,
            SkipReason::Cookie if !head.has_cookie() => made,
            _ => reason,
        }
    }

    /// More than may be stored of a head.
    pub(crate) fn is_too_large(&self, headers: &HeaderMap) -> bool {
        let bytes: usize = headers
            .iter()
            .map(|(n, v)| n.as_str().len() + v.len())
            .sum();
        let limit = self.context.cache.shared().limits.max_header_bytes;
        bytes > limit || headers.len() > MAX_FIELD_LINES
    }
}

/// The length the body claims to have: what `Content-Length` says, else what the body itself says.
/// A `Content-Length` that is repeated or not a number cannot be the length of anything.
fn announced_length<C: Body>(headers: &HeaderMap, body: &C) -> Result<Option<u64>, SkipReason> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lines.next(), lines.next()) {
        (None, _) => return Ok(body.size_hint().exact()),
        (Some(line), None) => line.to_str().ok().filter(|text| is_digits(text)),
        (Some(_), Some(_)) => None,
    };
    length
        .and_then(|digits| digits.parse().ok())
        .map(Some)
        .ok_or(SkipReason::BodyIncomplete)
}

/// Digits only: Rust would read `+5` too.
fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A header map holds about 24,000 lines; far below that something is wrong with the response.
const MAX_FIELD_LINES: usize = 1024;
