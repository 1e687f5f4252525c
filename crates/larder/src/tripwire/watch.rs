//! [`Watch`]: goes with a response that is to be searched before it is shared.

use http::{HeaderMap, HeaderValue};

use crate::cache::Cache;
use crate::finding::{Finding, Place};
use crate::tripwire::scanner::Scanner;

/// Searches one response, and tells what it finds: where, never what.
#[derive(Debug)]
pub(crate) struct Watch {
    scanner: Scanner,
    cache: Cache,
    route: Box<str>,
}

impl Watch {
    /// `route` is what it is told of, unless that gives the caller away itself.
    pub(super) fn new(mut scanner: Scanner, cache: Cache, route: &str) -> Self {
        let told = if scanner.is_in(route.as_bytes()) {
            WITHHELD
        } else {
            route
        };
        Self {
            scanner,
            cache,
            route: told.into(),
        }
    }

    /// Whether a string is in the value of a field.
    pub(crate) fn finds_in_fields(&mut self, headers: &HeaderMap) -> bool {
        let is_in = |(_, value): &(_, &HeaderValue)| self.scanner.is_in(value.as_bytes());
        let Some((name, _)) = headers.iter().find(is_in) else {
            return false;
        };
        self.tell(Place::Field(name.clone()));
        true
    }

    /// Whether a string is in the body up to here.
    pub(crate) fn finds_in(&mut self, data: &[u8]) -> bool {
        let found = self.scanner.scan(data);
        self.tell_if(found)
    }

    /// Whether a string is in the body, which is all there.
    pub(crate) fn finds_at_end(&mut self) -> bool {
        let found = self.scanner.finish();
        self.tell_if(found)
    }

    fn tell_if(&self, found: bool) -> bool {
        if let Some(end) = self.scanner.found().filter(|_| found) {
            self.tell(Place::Body { end });
        }
        found
    }

    fn tell(&self, place: Place) {
        let finding = Finding::tripwire(&self.route, place);
        self.cache.shared().findings.report(&finding);
    }
}

/// In place of a route that has the string.
const WITHHELD: &str = "(withheld)";
