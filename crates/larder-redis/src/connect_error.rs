//! [`ConnectError`]: why a tier could not start.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Why a [`RedisTier`](crate::RedisTier) could not start. Its text says what is wrong, where, and what to
/// change.
#[derive(Debug)]
pub struct ConnectError {
    kind: ConnectErrorKind,
    what: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// The server wants a password, or does not take this user with this password.
    Authentication,
    /// The cluster does not serve the slot of the log.
    ClusterDown,
    /// The server may drop the log when its memory is full.
    Eviction,
    /// A cluster is meant and the server is none, or the reverse, or it is a sentinel.
    Mode,
    /// The server is loading its data, or a replica that waits for its master.
    NotReady,
    /// The user may not do what the tier has to do.
    Permission,
    /// What answers is no Redis, or answers in another way than it should.
    Protocol,
    /// The server is a replica that nothing can be written to.
    ReadOnly,
    /// A setting cannot be: an address, a prefix, a number of a database.
    Setting,
    /// The connection could not be encrypted.
    Tls,
    /// Nobody answers at the address.
    Unreachable,
    /// No sentinel knows the master.
    UnknownMaster,
    /// The server is too old.
    Version,
}

impl ConnectError {
    pub(crate) fn new(kind: ConnectErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            what: what.into(),
            source: None,
        }
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// What kind of thing is wrong.
    #[must_use]
    pub const fn kind(&self) -> ConnectErrorKind {
        self.kind
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
