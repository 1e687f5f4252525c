//! [`Caller`]: who asks, on a route whose responses are searched for that.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, SET_COOKIE};
use larder_policy::key::MethodClass;
use larder_policy::{SkipReason, StoredHead};

use crate::cache::Cache;
use crate::finding::{Finding, Place};
use crate::tripwire::identity::IdentityStrings;
use crate::tripwire::watch::Watch;

/// What gives the caller of a request away, and what the route is called in reports.
#[derive(Debug)]
pub(crate) struct Caller {
    strings: IdentityStrings,
    route: Box<str>,
}

impl Caller {
    pub(crate) fn new(strings: IdentityStrings, route: &str) -> Self {
        let route = route.into();
        Self { strings, route }
    }

    /// What is to search the body that goes with this head, if there is something to look for, or
    /// why the response is not for others.
    pub(crate) fn watch(
        &self,
        cache: &Cache,
        head: &StoredHead,
    ) -> Result<Option<Box<Watch>>, SkipReason> {
        let watch = self.watch_fields(cache, head)?;
        let coded = head.class() != MethodClass::Head && is_coded(&head.headers());
        if watch.is_some() && coded {
            return Err(SkipReason::CodedBody);
        }
        Ok(watch)
    }

    /// As [`watch`](Self::watch), where the body is stored already.
    pub(crate) fn watch_fields(
        &self,
        cache: &Cache,
        head: &StoredHead,
    ) -> Result<Option<Box<Watch>>, SkipReason> {
        // Of whomever: what is in a cookie nobody knows.
        if head.headers().contains_key(SET_COOKIE) {
            return Err(SkipReason::SetCookie);
        }
        if self.strings.is_empty() {
            return Ok(None);
        }
        let Some(scanner) = self.strings.scanner() else {
            let finding = Finding::tripwire(&self.route, Place::Unsearched);
            cache.shared().findings.report(&finding);
            return Err(SkipReason::Tripwire);
        };
        let mut watch = Watch::new(scanner, cache.clone(), &self.route);
        if watch.finds_in_fields(&head.headers()) {
            return Err(SkipReason::Tripwire);
        }
        Ok(Some(Box::new(watch)))
    }
}

/// Nothing would be found in what has to be decoded first.
fn is_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
