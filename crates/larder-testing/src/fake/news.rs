//! What nodes tell of values that they stored.

use larder::shared::{EntryKey, News, Pending, StoreError, StoreErrorKind};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// One that listens.
#[derive(Debug)]
pub(super) struct Told(pub(super) Receiver<EntryKey>);

impl News for Told {
    fn next(&mut self) -> Pending<'_, EntryKey> {
        Box::pin(async move {
            loop {
                match self.0.recv().await {
                    Ok(key) => return Ok(key),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => {
                        return Err(StoreError::new(
                            StoreErrorKind::Unreachable,
                            "the store is gone",
                        ));
                    }
                }
            }
        })
    }
}
