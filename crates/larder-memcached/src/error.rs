//! [`ConnectError`]: why a tier could not be made.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::client::NoConnection;

/// Why there is no tier. Says what to change.
#[derive(Debug)]
pub struct ConnectError {
    kind: ConnectErrorKind,
    address: String,
    source: Option<Arc<NoConnection>>,
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// An address is not `host:port`, or stands in the list twice.
    Address,
    /// The namespace is empty, too long, or has bytes in it that no key may have.
    Namespace,
    /// No server was named.
    NoServers,
    /// There is a server, but it is no memcached of at least version 1.6.
    NotUsable,
    /// No server could be reached.
    Unreachable,
}

impl ConnectError {
    pub(crate) fn new(kind: ConnectErrorKind, address: &str) -> Self {
        Self {
            kind,
            address: address.to_owned(),
            source: None,
        }
    }

    pub(crate) fn of(address: &str, source: Arc<NoConnection>) -> Self {
        let kind = match *source {
            NoConnection::NotUsable(_) => ConnectErrorKind::NotUsable,
            NoConnection::Failed(_) | NoConnection::TimedOut(_) => ConnectErrorKind::Unreachable,
        };
        Self {
            source: Some(source),
            ..Self::new(kind, address)
        }
    }

    /// What kind of failure it was.
    #[must_use]
    pub const fn kind(&self) -> ConnectErrorKind {
        self.kind
    }

    /// The address that it is about; of [`ConnectErrorKind::Namespace`] the namespace.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.address;
        match self.kind {
            ConnectErrorKind::Address => write!(
                f,
                "{address:?} is not the address of a server: write host:port, each once"
            ),
            ConnectErrorKind::Namespace => write!(
                f,
                "{address:?} is no namespace: take 1 to 128 visible ASCII characters"
            ),
            ConnectErrorKind::NoServers => f.write_str("name at least one server"),
            ConnectErrorKind::NotUsable => write!(
                f,
                "the server at {address} cannot be used: run memcached 1.6 or later there"
            ),
            ConnectErrorKind::Unreachable => write!(
                f,
                "memcached cannot be reached at {address}: check the address, that it runs, and what \
                 it listens on (its setting -l)"
            ),
        }?;
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
