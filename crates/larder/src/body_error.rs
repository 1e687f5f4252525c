//! [`BodyError`]: why a response body broke off, for everybody who reads it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A response body broke off.
///
/// Its text and its [`source`](Error::source) are those of the inner service's own error, which
/// [`get_ref`](Self::get_ref) gives to be downcast. It can be cloned, since all who read a shared
/// body get the same error.
#[derive(Clone)]
pub struct BodyError(Arc<dyn Error + Send + Sync>);

impl BodyError {
    pub(crate) fn new(error: impl Into<BoxError>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// The inner body's own error.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # fn reset(error: &larder::BodyError) -> bool {
    /// error.get_ref().downcast_ref::<std::io::Error>().is_some()
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The body was read so slowly that it held back everybody else.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response was read too slowly for the others who read it")
    }
}

impl Error for TooSlow {}

/// Whatever moved the body is gone, without a word.
#[derive(Debug)]
pub(crate) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the inner service's body panicked or was abandoned")
    }
}

impl Error for Lost {}
