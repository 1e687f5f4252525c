//! [`PurgeError`]: what cannot be purged because nothing can be called so.

use std::error::Error;
use std::fmt;

/// What a [`Purge`](crate::Purge) was told to name is not the name of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PurgeError {
    /// Neither an absolute URL (`https://shop.example/products/42`) nor a path with or without a query
    /// (`/products/42?currency=eur`).
    InvalidUrl(String),
}

impl fmt::Display for PurgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(url) => write!(
                f,
                "cannot purge {url:?}: give an absolute URL, such as https://shop.example/a?b, or a path that begins with a slash"
            ),
        }
    }
}

impl Error for PurgeError {}
