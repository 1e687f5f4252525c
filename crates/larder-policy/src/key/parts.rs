//! What a declared key adds to a primary key.
//!
//! ```text
//! declared   = kind [ "r" ] *header *cookie *extension   ; last of all; "r": the path is the route
//! kind       = "d" / "f"              ; the inner service sees these inputs only / everything
//! header     = "h" field field        ; name, value
//! cookie     = "k" field field        ; name, value; one for each time it is sent
//! extension  = "x" field field        ; name, value
//! ```
//!
//! Parts are sorted by name, so the order of declaration does not matter.

use http::header::{COOKIE, HeaderName};
use http::{Extensions, HeaderMap};

use super::cookies::cookies;
use super::declared::Key;
use super::encode::{KeyBuf, Sink, push_field};
use super::input::InputKind;
use super::part::PartWriter;
use super::query_rule::QueryBuf;
use super::target::Target;

impl Key {
    /// Whether the inner service sees everything.
    #[must_use]
    pub const fn forwards_all(&self) -> bool {
        self.forward_all
    }

    /// Whether the route counts instead of the path.
    #[must_use]
    pub const fn is_by_route(&self) -> bool {
        self.by_route
    }

    /// The target as the key has it: with the query that is left, and the route in the place of the
    /// path if that was chosen and is known.
    #[must_use]
    pub fn target<'a>(
        &self,
        target: &Target<'a>,
        route: Option<&'a str>,
        query: &'a mut QueryBuf,
    ) -> Target<'a> {
        let route = route.filter(|_| self.by_route);
        let path = route.unwrap_or_else(|| target.path());
        target.with(path, self.query.apply(target.query(), query))
    }

    /// Appends what was declared to a primary key.
    pub(super) fn encode(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        route: Option<&str>,
        out: &mut impl Sink,
    ) {
        out.put(if self.forward_all { b"f" } else { b"d" });
        if self.by_route && route.is_some() {
            out.put(b"r");
        }
        self.for_each_part(headers, extensions, |kind, name, value| {
            out.put(match kind {
                InputKind::Header => b"h",
                InputKind::Cookie => b"k",
                _ => b"x",
            });
            push_field(out, Some(name.as_bytes()));
            push_field(out, value);
        });
    }

    /// Every declared field, cookie and extension with its value in this request. `None` is absent.
    pub fn for_each_part(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        mut each: impl FnMut(InputKind, &str, Option<&[u8]>),
    ) {
        let mut value = KeyBuf::new();
        for part in &self.headers {
            value.clear();
            let value = part.value(headers, &mut value);
            each(InputKind::Header, part.name.as_str(), value);
        }
        for name in &self.cookies {
            let mut present = false;
            for (_, value) in cookies(headers).filter(|(sent, _)| *sent == name.as_bytes()) {
                present = true;
                each(InputKind::Cookie, name, Some(value.unwrap_or_default()));
            }
            if !present {
                each(InputKind::Cookie, name, None);
            }
        }
        for part in &self.extensions {
            let mut out = PartWriter::default();
            let present = (part.read)(extensions, &mut out);
            let value = present.then_some(out.as_bytes());
            each(InputKind::Extension, &part.name, value);
        }
    }

    /// Takes the extensions that are declared out.
    pub fn remove_from(&self, extensions: &mut Extensions) {
        for part in &self.extensions {
            (part.remove)(extensions);
        }
    }

    /// Whether a field is a declared input.
    #[must_use]
    pub fn declares(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|part| part.name == name)
    }

    /// Whether all that is left of the cookies of a narrowed request is part of the key.
    pub(crate) fn has_all_cookies(&self) -> bool {
        let single = !self.cookies.is_empty() && !self.forward_all;
        single || self.declares(&COOKIE)
    }
}
