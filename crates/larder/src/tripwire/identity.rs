//! [`IdentityStrings`]: what is looked for.

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap};

use crate::tripwire::matcher::{Matcher, Needle};
use crate::tripwire::scanner::Scanner;

/// What gives the caller of a request away when a response has it: the user's id, e-mail address,
/// session token.
///
/// ```
/// use larder::IdentityStrings;
///
/// let strings = IdentityStrings::new().add("user-1042").add("ann@example.com");
/// assert_eq!(format!("{strings:?}"), "IdentityStrings { count: 2 }");
/// ```
///
/// # What is found
///
/// A string is found in any case of its ASCII letters, as it is or in the form that bodies give it:
/// percent-encoded (`ann%40example.com`), as HTML writes it (`ann&#64;example.com`, `&amp;`), as JSON
/// does (`ann\u0040example.com`, `\/`), and with `+` for a space; also where the encoder spared some
/// characters and not others. One that begins or ends with an ASCII letter or digit is found there only
/// at the border of a word: `1042` is in `/users/1042/` and not in `210425` or `user1042`.
///
/// Not found is what was encoded twice, other charsets than the one that the string is given in, and
/// Base64, whose text depends on what is encoded together with the string: where a response has the
/// user's id inside a longer encoded one, add that.
///
/// # Limits
///
/// Strings shorter than 4 bytes are ignored: they would be found everywhere. Of one longer than 256
/// bytes the last 256 are looked for, since tokens begin alike. After more than 16 strings nothing is
/// stored for the request: what cannot all be looked for is not shared.
#[derive(Clone, Default)]
#[must_use = "strings are looked for where a route is told of them"]
pub struct IdentityStrings {
    strings: Vec<Box<[u8]>>,
    too_many: bool,
}

impl IdentityStrings {
    /// None: the response is not searched, as for a caller whom nobody knows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a string. Its bytes are looked for, so it is to be in the charset of the responses: UTF-8.
    #[expect(clippy::should_implement_trait, reason = "nobody writes it as `+`")]
    pub fn add(mut self, string: impl AsRef<[u8]>) -> Self {
        let string = string.as_ref();
        if string.len() < MIN_BYTES {
            return self;
        }
        if self.strings.len() == MAX_STRINGS {
            self.too_many = true;
            return self;
        }
        // One byte more than is looked for, to know that something came before.
        let kept = string.len().saturating_sub(MAX_BYTES + 1);
        self.strings
            .push(string.get(kept..).unwrap_or_default().into());
        self
    }

    /// Nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    /// A search for these strings. `None`: there are more than can be looked for.
    pub(super) fn scanner(&self) -> Option<Scanner> {
        if self.too_many {
            return None;
        }
        let needles = self.strings.iter().flat_map(|string| needles(string));
        Matcher::new(needles.collect()).map(Scanner::new)
    }
}

/// The string, and the form with `+` for its spaces.
fn needles(string: &[u8]) -> impl Iterator<Item = Needle> {
    let cut = string.len().saturating_sub(MAX_BYTES);
    let bytes = string.get(cut..).unwrap_or_default();
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let needle = Needle {
        bytes: bytes.to_vec(),
        bounded_before: cut == 0 && is_word(bytes.first()),
        bounded_after: is_word(bytes.last()),
    };
    let mut form = bytes.contains(&b' ').then(|| needle.clone());
    for byte in form.iter_mut().flat_map(|form| &mut form.bytes) {
        if *byte == b' ' {
            *byte = b'+';
        }
    }
    [needle].into_iter().chain(form)
}

impl<T: AsRef<[u8]>> FromIterator<T> for IdentityStrings {
    fn from_iter<I: IntoIterator<Item = T>>(strings: I) -> Self {
        strings.into_iter().fold(Self::new(), Self::add)
    }
}

impl fmt::Debug for IdentityStrings {
    /// How many there are; they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityStrings")
            .field("count", &self.strings.len())
            .finish()
    }
}

/// How a route finds out what gives the caller of a request away.
#[derive(Clone)]
pub(crate) struct Tripwire(Arc<Identify>);

type Identify = dyn Fn(&Extensions, &HeaderMap) -> IdentityStrings + Send + Sync;

impl Tripwire {
    pub(crate) fn new(
        identify: impl Fn(&Extensions, &HeaderMap) -> IdentityStrings + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(identify))
    }

    pub(crate) fn strings(&self, extensions: &Extensions, headers: &HeaderMap) -> IdentityStrings {
        (self.0)(extensions, headers)
    }
}

impl fmt::Debug for Tripwire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tripwire").finish_non_exhaustive()
    }
}

const MAX_STRINGS: usize = 16;
const MAX_BYTES: usize = 256;
const MIN_BYTES: usize = 4;
