//! Active caching: values that go into the store before anybody asks for them, and requests that the
//! application makes itself, so that its users find what they want stored and fresh.

mod ask;
mod change;
mod feed;
mod fence;
mod follow;
mod progress;
mod put;
mod put_error;
mod rhythm;
mod schedule;
mod scheduled;
mod source;
mod source_fn;
mod stored;
mod warm;

pub use self::change::{Change, Put};
pub use self::feed::{Feed, FeedCounts};
pub use self::fence::Fence;
pub use self::follow::Follow;
pub use self::progress::{Progress, Warmed};
pub use self::put_error::PutError;
pub use self::schedule::KeepFresh;
pub use self::scheduled::Scheduled;
pub use self::source::Source;
pub use self::source_fn::{SourceFn, SourcePollFn, source_fn, source_poll_fn};
pub use self::stored::Stored;
pub use self::warm::Warm;
