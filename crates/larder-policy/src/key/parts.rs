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

use super::bytes::{KeyBuf, QueryBuf};
use super::cookies::cookies;
use super::declared::{HeaderPart, Key};
use super::encode::push_field;
use super::normalise::is_opaque;
use super::normaliser::Normaliser;
use super::part::PartWriter;
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

    /// Whether both make the same [target](Self::target) of every target.
    #[must_use]
    pub fn has_same_targets(&self, other: &Self) -> bool {
        self.by_route == other.by_route && self.query == other.query
    }

    /// Appends what was declared to a primary key.
    pub(super) fn encode(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        route: Option<&str>,
        out: &mut KeyBuf,
    ) {
        out.extend_from_slice(if self.forward_all { b"f" } else { b"d" });
        if self.by_route && route.is_some() {
            out.extend_from_slice(b"r");
        }
        for part in &self.headers {
            part.encode(headers, out);
        }
        for name in &self.cookies {
            encode_cookie(name, headers, out);
        }
        for part in &self.extensions {
            let mut value = PartWriter::default();
            let present = (part.read)(extensions, &mut value);
            out.extend_from_slice(b"x");
            push_field(out, Some(part.name.as_bytes()));
            push_field(out, present.then_some(value.as_bytes()));
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
        let all_pass = self.forward_all || self.is_neutral(&COOKIE);
        (!self.cookies.is_empty() && !all_pass) || self.declares(&COOKIE)
    }
}

impl HeaderPart {
    /// `prefix` is the encoding of the name.
    pub(super) fn new(name: HeaderName, normaliser: Normaliser) -> Self {
        let mut prefix = KeyBuf::from_slice(b"h");
        push_field(&mut prefix, Some(name.as_str().as_bytes()));
        Self {
            is_opaque: is_opaque(&name),
            prefix: prefix.as_slice().into(),
            name,
            normaliser,
        }
    }

    fn encode(&self, headers: &HeaderMap, out: &mut KeyBuf) {
        out.extend_from_slice(&self.prefix);
        // No field has more than one line.
        let single = headers.len() == headers.keys_len();
        if single && self.is_opaque && matches!(self.normaliser, Normaliser::AsSent) {
            let line = headers.get(&self.name);
            return push_field(out, line.map(|line| line.as_bytes().trim_ascii()));
        }
        let mut value = KeyBuf::new();
        let present = self.normaliser.write(&self.name, headers, &mut value);
        push_field(out, present.then_some(value.as_slice()));
    }
}

fn encode_cookie(declared: &str, headers: &HeaderMap, out: &mut KeyBuf) {
    let mut push = |value| {
        out.extend_from_slice(b"k");
        push_field(out, Some(declared.as_bytes()));
        push_field(out, value);
    };
    let mut present = false;
    for (_, value) in cookies(headers).filter(|(name, _)| *name == declared.as_bytes()) {
        present = true;
        push(Some(value.unwrap_or_default()));
    }
    if !present {
        push(None);
    }
}
