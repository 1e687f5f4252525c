//! Sources made of functions.

use std::fmt::{self, Display};
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use super::change::Change;
use super::source::Source;

/// A [`Source`] that calls a function for each change.
///
/// ```
/// use std::sync::Arc;
/// use larder::{Cache, Change, Purge, source_fn};
/// use tokio::sync::{Mutex, mpsc};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (send, changed_tags) = mpsc::channel::<String>(16);
/// let changed_tags = Arc::new(Mutex::new(changed_tags));
/// let source = source_fn(move || {
///     let changed_tags = Arc::clone(&changed_tags);
///     async move {
///         let tag = changed_tags.lock().await.recv().await?;
///         Some(Ok::<_, std::io::Error>(Change::from(Purge::tag(tag))))
///     }
/// });
///
/// let cache = Cache::builder().build();
/// send.send("product:42".to_owned()).await.unwrap();
/// drop(send);
/// let counts = cache.follow(source).run().await;
/// assert_eq!(counts.purges(), 1);
/// # }
/// ```
pub fn source_fn<F, R, E>(next: F) -> SourceFn<F>
where
    F: FnMut() -> R + Send + 'static,
    R: Future<Output = Option<Result<Change, E>>> + Send,
    E: Display + Send,
{
    SourceFn(next)
}

/// A [`Source`] that polls a function for each change. It is how a stream becomes one, of whatever
/// crate: `source_poll_fn(move |cx| stream.as_mut().poll_next(cx))`.
pub fn source_poll_fn<F, E>(poll: F) -> SourcePollFn<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<Result<Change, E>>> + Send + 'static,
    E: Display + Send,
{
    SourcePollFn(poll)
}

/// See [`source_fn`].
pub struct SourceFn<F>(F);

/// See [`source_poll_fn`].
pub struct SourcePollFn<F>(F);

impl<F, R, E> Source for SourceFn<F>
where
    F: FnMut() -> R + Send + 'static,
    R: Future<Output = Option<Result<Change, E>>> + Send,
    E: Display + Send,
{
    type Error = E;

    fn next(&mut self) -> impl Future<Output = Option<Result<Change, E>>> + Send {
        (self.0)()
    }
}

impl<F, E> Source for SourcePollFn<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<Result<Change, E>>> + Send + 'static,
    E: Display + Send,
{
    type Error = E;

    fn next(&mut self) -> impl Future<Output = Option<Result<Change, E>>> + Send {
        poll_fn(&mut self.0)
    }
}

impl<F> fmt::Debug for SourceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFn").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for SourcePollFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourcePollFn").finish_non_exhaustive()
    }
}
