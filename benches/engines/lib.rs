//! Memory engines behind one seam, traces to run them on, and the best that any could do.

mod best;
mod stores;
mod trace;

pub use best::best;
pub use stores::{Kind, Store, key_of};
pub use trace::{Asked, Trace};
