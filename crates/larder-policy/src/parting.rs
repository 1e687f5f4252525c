//! What a response has of its own, parted from what others have too.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use crate::piece::Piece;
use crate::template::Template;

/// What is to be a template, and what has a place in it.
pub(crate) struct Parting<'a> {
    all: &'a HeaderMap,
    fields: HeaderMap,
    room: usize,
    own: Vec<(&'a HeaderName, &'a HeaderValue)>,
    is_long: bool,
}

impl<'a> Parting<'a> {
    /// Fields that are `room` come first, then the places. What is too long for a piece has none.
    pub(crate) fn new(all: &'a HeaderMap, room: impl Fn(&HeaderName) -> bool) -> Self {
        let bytes = all.values().map(HeaderValue::len).sum();
        let is_long = !Piece::has_room_for(all.len(), bytes);
        let is_kept = |name: &HeaderName| is_long || is_common(all, name);
        let mut parting = Self {
            all,
            fields: HeaderMap::with_capacity(all.keys_len()),
            room: 0,
            own: Vec::new(),
            is_long,
        };
        for name in all.keys().filter(|name| room(name)) {
            parting.keep(name);
        }
        parting.room = parting.fields.len();
        let others = || all.keys().filter(|name| !room(name));
        for name in others().filter(|name| !is_kept(name)) {
            parting.take(name);
        }
        for name in others().filter(|name| is_kept(name)) {
            parting.keep(name);
        }
        parting
    }

    fn keep(&mut self, name: &HeaderName) {
        for value in self.all.get_all(name) {
            self.fields.append(name.clone(), value.clone());
        }
    }

    fn take(&mut self, name: &'a HeaderName) {
        for value in self.all.get_all(name) {
            self.own.push((name, value));
            self.fields
                .append(name.clone(), HeaderValue::from_static(""));
        }
    }

    /// What is in common, in the words of `share` if others may have it, and its own values in one
    /// piece with `tail`. The flag of the piece: the template is that of `share`.
    pub(crate) fn packed(
        self,
        tail: &[&[u8]],
        share: impl FnOnce(&Template) -> Option<Template>,
    ) -> (Template, Piece) {
        let template = Template::new(self.fields, self.room, self.own.len());
        let shared = if self.is_long { None } else { share(&template) };
        let piece = Piece::new(&self.own, shared.is_some(), tail);
        (shared.unwrap_or_else(|| template.alone()), piece)
    }
}

/// All lines of a field are of one kind, for they stay together.
fn is_common(all: &HeaderMap, name: &HeaderName) -> bool {
    let mut values = all.get_all(name).iter();
    COMMON.contains(name) && !values.any(HeaderValue::is_sensitive)
}

/// Fields whose values are few.
const COMMON: [HeaderName; 32] = [
    header::ACCEPT_RANGES,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    header::ALLOW,
    header::ALT_SVC,
    header::CACHE_CONTROL,
    CDN_CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    CROSS_ORIGIN_EMBEDDER_POLICY,
    CROSS_ORIGIN_OPENER_POLICY,
    CROSS_ORIGIN_RESOURCE_POLICY,
    PERMISSIONS_POLICY,
    header::PRAGMA,
    header::REFERRER_POLICY,
    header::SERVER,
    header::STRICT_TRANSPORT_SECURITY,
    SURROGATE_CONTROL,
    TIMING_ALLOW_ORIGIN,
    X_POWERED_BY,
    header::VARY,
    header::VIA,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_DNS_PREFETCH_CONTROL,
    header::X_FRAME_OPTIONS,
    header::X_XSS_PROTECTION,
];

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const CROSS_ORIGIN_EMBEDDER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-embedder-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");
const X_POWERED_BY: HeaderName = HeaderName::from_static("x-powered-by");

#[cfg(test)]
mod tests {
    use super::*;

    fn template(lines: &[(&'static str, &'static str)]) -> Template {
        let mut all = HeaderMap::new();
        for (name, value) in lines {
            all.append(*name, HeaderValue::from_static(value));
        }
        Parting::new(&all, |name| *name == header::AGE)
            .packed(&[], |_| None)
            .0
    }

    #[test]
    fn templates_differ_by_names_by_order_and_by_common_values() {
        let of = template(&[("x-a", "1"), ("vary", "accept")]);
        assert_eq!(of, template(&[("vary", "accept"), ("x-a", "2")]));
        for other in [
            &[("x-b", "1"), ("vary", "accept")][..],
            &[("x-a", "1"), ("vary", "cookie")],
            &[("x-a", "1"), ("x-a", "1"), ("vary", "accept")],
            &[("x-a", "1")],
            &[("age", "0"), ("x-a", "1"), ("vary", "accept")],
        ] {
            assert_ne!(of, template(other), "{other:?}");
        }
    }
}
