//! [`DoNotStore`]: a handler's way to say "not this one".

/// Response extension: this response is not to be stored, whatever its fields say. On a 304 what is
/// stored goes too. A [`CacheHint`](crate::CacheHint) can say the same.
///
/// ```
/// use larder::DoNotStore;
///
/// let mut response = http::Response::new(());
/// response.extensions_mut().insert(DoNotStore);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a mark, made by naming it")]
pub struct DoNotStore;
