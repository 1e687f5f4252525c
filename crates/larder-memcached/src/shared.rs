//! [`Shared`]: what a tier consists of.

use crate::client::{Client, Route};
use crate::log::LogState;
use crate::names::Names;
use crate::settings::Settings;

/// What all clones have in common.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) names: Names,
    pub(crate) settings: Settings,
    pub(crate) log: LogState,
}

impl Shared {
    /// Where the log stands: on one server.
    pub(crate) fn log_route(&self) -> Route<'_> {
        Route::Pinned(self.names.namespace().as_bytes())
    }
}
