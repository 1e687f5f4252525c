//! [`LayerReport`]: which layers are on the wrong side of the cache.

use std::fmt;

/// What [`LayerOrder`](crate::LayerOrder) found. As text, a line for each layer.
#[derive(Debug, Clone)]
pub struct LayerReport {
    pub(crate) route: String,
    pub(crate) misplaced: Vec<Misplaced>,
}

impl LayerReport {
    /// The route, by its name.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// What is on the wrong side.
    #[must_use]
    pub fn misplaced(&self) -> &[Misplaced] {
        &self.misplaced
    }

    /// Whether nothing is on the wrong side.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.misplaced.is_empty()
    }
}

impl fmt::Display for LayerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let route = &self.route;
        if self.is_in_order() {
            return write!(f, "{route}: no layer is on the wrong side of the cache");
        }
        for (number, misplaced) in self.misplaced.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{route}: {misplaced}")?;
        }
        Ok(())
    }
}

/// A layer that belongs outside the cache and is inside.
#[derive(Debug, Clone)]
pub struct Misplaced {
    pub(crate) kind: LayerKind,
    pub(crate) sign: String,
}

/// What a layer does that belongs outside the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayerKind {
    /// Finds out who asks, and lets only some through.
    Authentication,
    /// Codes content as `Accept-Encoding` says.
    Compression,
    /// Answers `Origin` with `Access-Control-Allow-Origin` and its kind.
    Cors,
    /// Sets cookies.
    Session,
}

impl Misplaced {
    /// What kind of layer it is.
    #[must_use]
    pub const fn kind(&self) -> LayerKind {
        self.kind
    }
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layer, why) = match self.kind {
            LayerKind::Authentication => (
                "the authentication layer",
                "the cache has to know who asks before it answers",
            ),
            LayerKind::Compression => (
                "the compression layer",
                "else each coding is stored by itself or served to clients that cannot read it; \
                 or declare it (`Key::encodings`)",
            ),
            LayerKind::Cors => (
                "the CORS layer",
                "else what is stored allows the origin that asked first, and no other",
            ),
            LayerKind::Session => (
                "the session layer",
                "a response that sets a cookie is not stored, and would give one user's session \
                 to another",
            ),
        };
        let sign = &self.sign;
        write!(
            f,
            "{layer} is inside the cache: {sign}. Put it outside (around the cache): {why}"
        )
    }
}
