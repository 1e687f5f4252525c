//! [`Source`]: where a feed has its changes from.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;

use tokio::sync::mpsc::Receiver;

use super::change::Change;

/// A sequence of changes that a cache [follows](crate::Cache::follow): a subscription to a message
/// broker, the notifications of a database, a channel.
///
/// # What an implementor has to see to
///
/// Changes come in the order in which they happened: a value that comes after a purge is taken to be
/// newer than it. What may have been missed, such as while a connection was lost, is told as
/// [`Change::Lost`] before anything that came after it.
///
/// An error is not an end: it is asked again after a pause. So a call after an error connects anew,
/// or gives the error again. A panic is an end.
///
/// A source that reads values itself takes a [fence](crate::Cache::fence) before it does
/// ([`Put::since`](crate::Put::since)). A source whose changes have the values with them need not. It
/// is dropped between any two of its polls when the feed is.
///
/// ```
/// use larder::{Change, Purge, Source};
///
/// struct Countdown(u32);
///
/// impl Source for Countdown {
///     type Error = std::io::Error;
///
///     async fn next(&mut self) -> Option<Result<Change, std::io::Error>> {
///         self.0 = self.0.checked_sub(1)?;
///         Some(Ok(Purge::tag(format!("number:{}", self.0)).into()))
///     }
/// }
/// # let _ = Countdown(0);
/// ```
pub trait Source: Send + 'static {
    /// What may go wrong. It is told in an event, so it should not hold secrets.
    type Error: Display + Send;

    /// Waits for the next change. `None`: there will be no more.
    fn next(&mut self) -> impl Future<Output = Option<Result<Change, Self::Error>>> + Send;
}

/// Ends when all senders are gone.
impl Source for Receiver<Change> {
    type Error = Infallible;

    async fn next(&mut self) -> Option<Result<Change, Infallible>> {
        self.recv().await.map(Ok)
    }
}
