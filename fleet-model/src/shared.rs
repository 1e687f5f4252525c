//! The core's own files of the same names.

#[expect(dead_code, reason = "nothing fails here with an error")]
#[path = "../../crates/larder/src/shared/error.rs"]
mod error;
#[expect(dead_code, reason = "nobody asks who is there")]
#[allow(unfulfilled_lint_expectations, reason = "here nothing is exported")]
#[path = "../../crates/larder/src/shared/log.rs"]
mod log;
#[expect(dead_code, reason = "positions are made by the journal alone")]
#[path = "../../crates/larder/src/shared/position.rs"]
mod position;

use std::future::Future;
use std::pin::Pin;

pub(crate) use self::error::StoreError;
#[allow(unused_imports, reason = "documentation speaks of it")]
pub(crate) use self::log::InvalidationLog;
pub(crate) use self::log::{Batch, Extent, NodeId};
pub(crate) use self::position::LogPosition;

pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;
