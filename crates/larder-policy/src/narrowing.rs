//! Declared inputs: which fields of a request reach the inner service, and what its `Vary` may name
//! then.

use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName};
use http::{Extensions, HeaderMap};

use crate::admission::selecting_fields;
use crate::key::{Key, KeyBuf, MethodClass, Partition, Passing, Target, Vary};
use crate::policy::Mode;
use crate::reason::SkipReason;
use crate::{Policy, RequestHead};

/// A field that a response's `Vary` names although its route does not declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    name: HeaderName,
    withheld: bool,
}

impl Undeclared {
    /// The field.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The inner service did not see the field, so that it cannot have shaped the response.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        self.withheld
    }
}

impl Policy {
    /// The fields of a request that the inner service is to see on a route with this key: declared
    /// and neutral ones. In a partition of one user its credentials pass, for the partition covers
    /// them.
    #[must_use]
    pub fn narrow(&self, key: &Key, headers: &HeaderMap) -> HeaderMap {
        key.narrowed(headers, self.passing())
    }

    /// Encodes the primary key of a request on a route with declared inputs into `out`: like
    /// [`key_into`](Self::key_into), of what is left of the target, and with what is declared. Fields
    /// such as `X-Forwarded-Host` are part of it only where the inner service sees them.
    #[expect(clippy::too_many_arguments, reason = "the parts of a key")]
    pub fn declared_key_into(
        &self,
        key: &Key,
        class: MethodClass,
        request: &RequestHead<'_>,
        extensions: &Extensions,
        target: &Target<'_>,
        route: Option<&str>,
        partition: &Partition,
        out: &mut KeyBuf,
    ) {
        let parts = self.parts(class, request, target, partition, key.forwards_all());
        let parts = parts.declared(key, request.headers, extensions, route);
        parts.encode_into(out);
    }

    /// The fields that a response's `Vary` names although the key does not declare them. A response
    /// that was shaped by one of them is not stored; one that was withheld is only worth a warning.
    #[must_use]
    pub fn undeclared(&self, key: &Key, response: &HeaderMap) -> Vec<Undeclared> {
        let vary = Vary::from_headers(response);
        let names = vary.names().iter();
        names
            .filter(|name| !self.is_covered(key, name))
            .map(|name| Undeclared {
                name: name.clone(),
                withheld: !key.passes(name, self.passing()),
            })
            .collect()
    }

    /// The fields by which responses to a request are told apart. Of those that its route declares
    /// the key takes care; those that were withheld tell nothing apart.
    pub(crate) fn selecting(
        &self,
        request: &RequestHead<'_>,
        response: &HeaderMap,
    ) -> Result<Vary, SkipReason> {
        let vary = selecting_fields(response);
        let (Some(key), Vary::Names(names)) = (request.declared, &vary) else {
            return Ok(vary);
        };
        let mut left = Vary::default();
        for name in names.iter().filter(|name| !self.is_covered(key, name)) {
            if !key.passes(name, self.passing()) {
                continue;
            }
            if !self.is_of_user(name) || key.forwards_all() {
                return Err(SkipReason::UndeclaredVary);
            }
            left.add(name.clone());
        }
        Ok(left)
    }

    fn passing(&self) -> Passing {
        Passing {
            credentials: self.mode == Mode::Private,
            forwarding: self.trusted_forwarding,
        }
    }

    /// The primary key has the field.
    fn is_covered(&self, key: &Key, name: &HeaderName) -> bool {
        let cookies = *name == COOKIE && !self.is_of_user(name) && key.has_all_cookies();
        *name == HOST || key.declares(name) || cookies
    }

    /// The field passes because the partition is one user's.
    fn is_of_user(&self, name: &HeaderName) -> bool {
        self.mode == Mode::Private && (*name == COOKIE || *name == AUTHORIZATION)
    }
}
