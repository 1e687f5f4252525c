//! Active caching: values that go into the store before anybody asks for them.

mod change;
mod feed;
mod fence;
mod follow;
mod put;
mod put_error;
mod source;
mod source_fn;
mod stored;

pub use self::change::{Change, Put};
pub use self::feed::{Feed, FeedCounts};
pub use self::fence::Fence;
pub use self::follow::Follow;
pub use self::put_error::PutError;
pub use self::source::Source;
pub use self::source_fn::{SourceFn, SourcePollFn, source_fn, source_poll_fn};
pub use self::stored::Stored;
