//! What a web framework knows of a request, found among its extensions.

use http::{Extensions, Uri};

/// How to find it.
#[derive(Clone, Copy)]
pub(crate) struct Framework {
    /// The URI that the client asked for, if the request's own is only the rest of it.
    pub(crate) target: fn(&Extensions) -> Option<&Uri>,
    /// Puts another in its place.
    pub(crate) set_target: fn(&mut Extensions, Uri),
    /// The name of the route.
    pub(crate) route: fn(&Extensions) -> Option<&str>,
    /// How many of the extensions are the framework's own.
    pub(crate) own: fn(&mut Extensions) -> usize,
}

impl Default for Framework {
    fn default() -> Self {
        Self {
            target: |_| None,
            set_target: |_, _| {},
            route: |_| None,
            own: |_| 0,
        }
    }
}
