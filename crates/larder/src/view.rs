//! What functions that name things see of a request and of its response.

use std::borrow::Cow;

use http::{Extensions, HeaderMap, Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;

/// A request, as functions see it that say what its response depends on, or what it changes.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
    pub(crate) route: Option<&'a str>,
}

impl<'a> RequestView<'a> {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// The URI that the client asked for.
    #[must_use]
    pub const fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// The name of the route, such as `/products/{id}`, where the layer was told of it.
    #[must_use]
    pub const fn route(&self) -> Option<&'a str> {
        self.route
    }

    /// A parameter of the path: what stands there where the [route](Self::route) has `{name}` or, for
    /// all the rest, `{*name}`. Percent-decoded, as far as that gives UTF-8; else as it came.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        param(self.route?, self.uri.path(), name)
    }
}

/// A response, as functions see it that say what its request has changed.
#[derive(Debug, Clone, Copy)]
pub struct ResponseView<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
}

impl<'a> ResponseView<'a> {
    /// The status code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}

fn param<'a>(route: &str, path: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut rest = path.strip_prefix('/')?;
    for pattern in route.strip_prefix('/')?.split('/') {
        let variable = pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
        if let Some(all) = variable.and_then(|variable| variable.strip_prefix('*')) {
            return (all == name).then(|| decoded(rest));
        }
        let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
        if variable == Some(name) {
            return Some(decoded(segment));
        }
        rest = after;
    }
    None
}

fn decoded(text: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_where_the_route_has_them() {
        let found = |route, path, name| param(route, path, name);
        assert_eq!(found("/products/{id}", "/products/42", "id").unwrap(), "42");
        assert_eq!(found("/a/{x}/b/{y}", "/a/1/b/2", "y").unwrap(), "2");
        assert_eq!(
            found("/files/{*rest}", "/files/a/b", "rest").unwrap(),
            "a/b"
        );
        assert_eq!(found("/a/{x}", "/a/caf%C3%A9", "x").unwrap(), "café");
        assert_eq!(found("/a/{x}", "/a/%ff", "x").unwrap(), "%ff");
        assert!(found("/products/{id}", "/products/42", "name").is_none());
        assert!(found("/products", "/products", "id").is_none());
    }
}
