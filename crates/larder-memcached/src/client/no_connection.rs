//! [`NoConnection`]: why there is none.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use super::reply::Malformed;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// It could not be opened, or it broke.
    Failed(io::Error),
    /// It could not be opened in time.
    TimedOut(Duration),
    /// What is there cannot be used.
    NotUsable(NotMemcached),
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "no answer within {limit:?}"),
            Self::NotUsable(why) => why.fmt(f),
        }
    }
}

impl Error for NoConnection {}

/// What answers cannot be used.
#[derive(Debug)]
pub(crate) enum NotMemcached {
    /// It does not know the meta commands as they are since 1.6.
    TooOld(String),
    /// It is something else.
    Foreign(Malformed),
}

impl fmt::Display for NotMemcached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOld(version) => {
                write!(f, "it is {version}, which lacks the meta commands of 1.6")
            }
            Self::Foreign(what) => write!(f, "it is no memcached: {}", what.as_str()),
        }
    }
}

impl Error for NotMemcached {}
