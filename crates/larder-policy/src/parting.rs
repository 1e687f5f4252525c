//! What a response has of its own, parted from what others have too.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::piece::Piece;
use crate::template::Template;

/// What is to be a template, and what has a place in it.
pub(crate) struct Parting<'a> {
    fields: HeaderMap,
    room: usize,
    own: Vec<(&'a HeaderName, &'a HeaderValue)>,
    is_long: bool,
}

/// In the order in which they are sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Room,
    Own,
    Common,
}

impl<'a> Parting<'a> {
    /// Fields that are `room` come first, then the places. What is too long for a piece has none.
    pub(crate) fn new(all: &'a HeaderMap, room: impl Fn(&HeaderName) -> bool) -> Self {
        let bytes = all.values().map(HeaderValue::len).sum();
        let is_long = !Piece::has_room_for(all.len(), bytes);
        let lines = sorted(all, |name| {
            if room(name) {
                Kind::Room
            } else if is_long || is_common(all, name) {
                Kind::Common
            } else {
                Kind::Own
            }
        });
        let room = lines.partition_point(|(kind, ..)| *kind == Kind::Room);
        let own_end = lines.partition_point(|(kind, ..)| *kind != Kind::Common);
        let mut parting = Self {
            fields: HeaderMap::with_capacity(all.keys_len()),
            room,
            own: Vec::with_capacity(own_end.saturating_sub(room)),
            is_long,
        };
        for (kind, name, value) in lines {
            let value = if kind == Kind::Own {
                parting.own.push((name, value));
                HeaderValue::from_static("")
            } else {
                value.clone()
            };
            parting.fields.append(name.clone(), value);
        }
        parting
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
fn sorted(
    all: &HeaderMap,
    kind: impl Fn(&HeaderName) -> Kind,
) -> Vec<(Kind, &HeaderName, &HeaderValue)> {
    let mut lines: Vec<(Kind, &HeaderName, &HeaderValue)> = Vec::with_capacity(all.len());
    for (name, value) in all {
        let same = lines.last().filter(|(_, last, _)| *last == name);
        let kind = same.map_or_else(|| kind(name), |(kind, ..)| *kind);
        lines.push((kind, name, value));
    }
    lines.sort_by_key(|(kind, ..)| *kind);
    lines
}

fn is_common(all: &HeaderMap, name: &HeaderName) -> bool {
    let is_sensitive = || all.get_all(name).iter().any(HeaderValue::is_sensitive);
    has_few_values(name) && !is_sensitive()
}

/// Fields whose values are few.
fn has_few_values(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept-ranges"
            | "access-control-allow-credentials"
            | "access-control-allow-headers"
            | "access-control-allow-methods"
            | "access-control-allow-origin"
            | "access-control-expose-headers"
            | "access-control-max-age"
            | "allow"
            | "alt-svc"
            | "cache-control"
            | "cdn-cache-control"
            | "content-encoding"
            | "content-language"
            | "content-security-policy"
            | "content-type"
            | "cross-origin-embedder-policy"
            | "cross-origin-opener-policy"
            | "cross-origin-resource-policy"
            | "permissions-policy"
            | "pragma"
            | "referrer-policy"
            | "server"
            | "strict-transport-security"
            | "surrogate-control"
            | "timing-allow-origin"
            | "x-powered-by"
            | "vary"
            | "via"
            | "x-content-type-options"
            | "x-dns-prefetch-control"
            | "x-frame-options"
            | "x-xss-protection"
    )
}

#[cfg(test)]
mod tests {
    use http::header::AGE;

    use super::*;

    fn template(lines: &[(&'static str, &'static str)]) -> Template {
        let mut all = HeaderMap::new();
        for (name, value) in lines {
            all.append(*name, HeaderValue::from_static(value));
        }
        Parting::new(&all, |name| *name == AGE)
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
