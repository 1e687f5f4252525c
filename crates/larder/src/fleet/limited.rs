//! Waiting for a store, and not for ever.

use std::time::Duration;

use tokio::time::timeout;

use crate::shared::{Pending, StoreError, StoreErrorKind};

/// With an end.
pub(crate) async fn limited<T>(asked: Pending<'_, T>, within: Duration) -> Result<T, StoreError> {
    match timeout(within, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::new(
            StoreErrorKind::TimedOut,
            format!("no answer within {within:?}"),
        )),
    }
}
