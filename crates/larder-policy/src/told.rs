//! What clients are told of a response's freshness, where that differs from what was received.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};

use crate::Policy;
use crate::fields::{PolicyField, split_list};

impl Policy {
    /// Tells clients, and caches on the way to them, that a response is one user's or one group's
    /// own, if it [has to be](Self::with_private_emission): `Cache-Control` says `private` and
    /// nothing that lets others share it, and targeted fields (RFC 9213) go, with what else tells one
    /// make of caches something of its own: any `…-Cache-Control`, `Edge-Control`,
    /// `Surrogate-Control` and `X-Accel-Expires`.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use larder_policy::Policy;
    ///
    /// let policy = Policy::private().with_private_emission(true);
    /// let mut headers = HeaderMap::new();
    /// headers.insert("cache-control", "public, max-age=60, s-maxage=600".parse().unwrap());
    /// policy.tell_private(&mut headers);
    /// assert_eq!(headers["cache-control"], "private, max-age=60");
    /// ```
    pub fn tell_private(&self, headers: &mut HeaderMap) {
        if !self.private_emission {
            return;
        }
        let own = private(headers.get_all(CACHE_CONTROL).iter());
        headers.insert(CACHE_CONTROL, own);
        let targeted = |name: &&HeaderName| is_targeted(name) || self.target_list.contains(name);
        let targeted: Vec<_> = headers.keys().filter(targeted).cloned().collect();
        for name in targeted {
            headers.remove(name);
        }
    }

    /// Replaces `Cache-Control` by what the route tells its clients; returns what stood there.
    pub(crate) fn tell_clients(
        &self,
        headers: &mut HeaderMap,
        field: &PolicyField,
    ) -> Option<Vec<HeaderValue>> {
        let downstream = self.downstream_for(field);
        if downstream.is_none() && !self.private_emission {
            return None;
        }
        let received = headers.get_all(CACHE_CONTROL).iter().cloned().collect();
        if let Some(downstream) = downstream {
            headers.insert(CACHE_CONTROL, downstream.clone());
        }
        self.tell_private(headers);
        Some(received)
    }

    /// What clients are told instead of the response's own `Cache-Control`, if anything.
    fn downstream_for(&self, field: &PolicyField) -> Option<&HeaderValue> {
        let keeps_own = field.directives.no_store || !field.directives.private.is_absent();
        self.downstream
            .as_ref()
            .filter(|_| self.override_origin || !keeps_own)
    }
}

/// The directives of a field without those that let others have the response.
fn private<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> HeaderValue {
    let mut told = b"private".to_vec();
    for member in lines.flat_map(|line| split_list(line.as_bytes())) {
        let name = member
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default();
        let shares = |directive: &&[u8]| name.eq_ignore_ascii_case(directive);
        if !SHARING.iter().any(shares) {
            told.extend_from_slice(b", ");
            told.extend_from_slice(member);
        }
    }
    HeaderValue::from_bytes(&told).unwrap_or_else(|_| HeaderValue::from_static("private"))
}

const SHARING: [&[u8]; 4] = [b"private", b"proxy-revalidate", b"public", b"s-maxage"];

/// Fields by which caches on the way may be told something else.
fn is_targeted(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("-cache-control") || TARGETED.contains(&name)
}

const TARGETED: [&str; 3] = ["edge-control", "surrogate-control", "x-accel-expires"];
