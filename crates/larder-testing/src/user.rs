//! [`User`]: somebody who asks, and what nobody else may see.

use std::fmt;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use memchr::memmem;

use crate::untestable::Untestable;

/// Somebody who uses the application: what their requests carry, and the strings that no one else
/// may be sent.
///
/// ```
/// use larder_testing::User;
///
/// #[derive(Clone)]
/// struct UserId(u64);
///
/// let anna = User::new("anna")
///     .header("authorization", "Bearer 9f2c1e77")
///     .extension(UserId(4711))
///     .secret("e-mail", "anna@example.com")
///     .secret("token", "9f2c1e77");
/// # drop(anna);
/// ```
///
/// Secrets are looked for byte by byte: choose strings long enough not to occur by chance. No
/// message has more of them than the first two characters.
#[derive(Clone)]
#[must_use = "a user does nothing until a test has them"]
pub struct User {
    name: String,
    decorate: Vec<Arc<Decorate>>,
    pub(crate) secrets: Vec<Secret>,
    wrong: Option<Untestable>,
}

type Decorate = dyn Fn(&mut Parts) + Send + Sync;

/// A string that nobody else may see.
#[derive(Clone)]
pub(crate) struct Secret {
    label: String,
    value: String,
}

impl User {
    /// Somebody by a name, for messages; not logged in so far.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            decorate: Vec::new(),
            secrets: Vec::new(),
            wrong: None,
        }
    }

    /// Their requests carry a header field.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let parsed = HeaderName::try_from(name).ok();
        let Some((name, value)) = parsed.zip(HeaderValue::try_from(value.as_ref()).ok()) else {
            let wrong = Untestable::setting("header", name, "or its value cannot be sent");
            self.wrong.get_or_insert(wrong);
            return self;
        };
        self.with(move |parts| {
            parts.headers.insert(name.clone(), value.clone());
        })
    }

    /// Their requests carry a value among their extensions, as the application's own authentication
    /// would put there.
    pub fn extension<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.with(move |parts| {
            parts.extensions.insert(value.clone());
        })
    }

    /// Their requests are changed by a function.
    pub fn with(mut self, decorate: impl Fn(&mut Parts) + Send + Sync + 'static) -> Self {
        self.decorate.push(Arc::new(decorate));
        self
    }

    /// A string that nobody else may see, with a word for it.
    pub fn secret(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        let (label, value) = (label.into(), value.into());
        if value.is_empty() {
            let wrong = Untestable::setting("secret", &label, "is empty");
            self.wrong.get_or_insert(wrong);
        }
        self.secrets.push(Secret { label, value });
        self
    }

    /// What they are called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Somebody who is not logged in.
    pub(crate) fn nobody() -> Self {
        Self::new("somebody who is not logged in")
    }

    pub(crate) fn check(&self) -> Result<(), Untestable> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    /// The same request made by them.
    pub(crate) fn request(&self, parts: &Parts) -> Parts {
        let mut parts = parts.clone();
        for decorate in &self.decorate {
            decorate(&mut parts);
        }
        parts
    }
}

impl fmt::Debug for User {
    /// Leaves the secrets out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Secret {
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        !self.value.is_empty() && memmem::find(bytes, self.value.as_bytes()).is_some()
    }
}

impl fmt::Display for Secret {
    /// The word for it, and how it begins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin: String = self.value.chars().take(SHOWN).collect();
        write!(f, "{} (`{begin}…`)", self.label)
    }
}

/// So many characters of a secret are shown.
const SHOWN: usize = 2;
