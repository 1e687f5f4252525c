//! [`Address`]: where a server is, and who asks.

use std::fmt;

use redis::{ConnectionAddr, IntoConnectionInfo as _};

use crate::connect_error::{ConnectError, ConnectErrorKind};

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp {
        host: String,
        port: u16,
        is_encrypted: bool,
    },
    Unix(std::path::PathBuf),
}

impl Address {
    /// Another server that is spoken to in the same way.
    pub(crate) fn beside(&self, host: String, port: u16) -> Self {
        Self::Tcp {
            host,
            port,
            is_encrypted: self.is_encrypted(),
        }
    }

    pub(crate) const fn is_encrypted(&self) -> bool {
        matches!(
            self,
            Self::Tcp {
                is_encrypted: true,
                ..
            }
        )
    }

    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp {
                host,
                port,
                is_encrypted,
            } => {
                let scheme = if *is_encrypted { "rediss" } else { "redis" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            Self::Unix(path) => write!(f, "redis+unix://{}", path.display()),
        }
    }
}

/// Who asks, and for which database.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: i64,
}

/// Leaves the password out.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// Reads a URL. Errors do not repeat it: it may hold a password.
pub(crate) fn parse(url: &str) -> Result<(Address, Login), ConnectError> {
    let wrong = |why: &str| {
        ConnectError::new(
            ConnectErrorKind::Setting,
            format!(
                "the URL of the server cannot be used: {why}; it is to be like \
                 redis://user:password@host:6379/0, rediss://… for TLS, or redis+unix:///path"
            ),
        )
    };
    let is_tls = ["rediss://", "valkeys://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if is_tls && !cfg!(feature = "tls") {
        return Err(wrong("TLS needs the feature `tls` of larder-redis"));
    }
    let info = url.into_connection_info().map_err(|error| {
        wrong(
            error
                .to_string()
                .split(" - ")
                .next()
                .unwrap_or("it is no URL"),
        )
    })?;
    let address = match info.addr() {
        ConnectionAddr::Tcp(host, port) => Address::Tcp {
            host: host.clone(),
            port: *port,
            is_encrypted: false,
        },
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            return Err(wrong(
                "certificates are always checked, so there is no #insecure",
            ));
        }
        ConnectionAddr::TcpTls { host, port, .. } => Address::Tcp {
            host: host.clone(),
            port: *port,
            is_encrypted: true,
        },
        ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
        _ => return Err(wrong("nobody knows how to connect to that")),
    };
    let settings = info.redis_settings();
    let login = Login {
        user: settings.username().map(Into::into),
        password: settings.password().map(Into::into),
        database: settings.db(),
    };
    Ok((address, login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_who() {
        let (address, login) = parse("redis://me:s%20crt@cache.example:7000/3").unwrap();
        assert_eq!(address.to_string(), "redis://cache.example:7000");
        assert_eq!(login.user.as_deref(), Some("me"));
        assert_eq!(login.password.as_deref(), Some("s crt"));
        assert_eq!(login.database, 3);
        assert!(!format!("{login:?}").contains("crt"));
        let (address, _) = parse("redis://[::1]").unwrap();
        assert_eq!(address.to_string(), "redis://[::1]:6379");
        let (address, _) = parse("redis+unix:///run/redis.sock").unwrap();
        assert_eq!(address.to_string(), "redis+unix:///run/redis.sock");
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        for url in [
            "",
            "localhost:6379",
            "http://user:hunter2@host",
            "redis://user:hunter2@host/base",
            "redis://user:hunter2@0.0.0.0",
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.kind(), ConnectErrorKind::Setting);
            let text = error.to_string();
            assert!(!text.contains("hunter2"), "{text}");
            assert!(text.contains("redis://user:password@host:6379/0"), "{text}");
        }
    }
}
