//! What nodes tell of values that they stored.

use std::fmt;

use larder::shared::{EntryKey, News, Pending, StoreError, StoreErrorKind};

use crate::heard::Heard;
use crate::reply;
use crate::tier::Inner;

/// The channel on which the nodes of one namespace tell.
pub(crate) struct Told(Heard);

impl Inner {
    pub(crate) async fn tell(&self, key: &EntryKey) -> Result<(), StoreError> {
        let mut publish = redis::Cmd::new();
        publish
            .arg("PUBLISH")
            .arg(&self.keys.news)
            .arg(key.to_bytes());
        reply::int(self.data.send(&self.keys.news, &publish).await?).map(drop)
    }

    pub(crate) async fn listen(&self) -> Result<Told, StoreError> {
        let heard = Heard::on(self, &self.keys.news).await;
        heard.map(Told).map_err(|error| {
            StoreError::new(StoreErrorKind::Unreachable, "nobody can be listened to")
                .with_source(error)
        })
    }
}

impl News for Told {
    fn next(&mut self) -> Pending<'_, EntryKey> {
        Box::pin(async move {
            loop {
                let Some(message) = self.0.next().await else {
                    return Err(StoreError::new(
                        StoreErrorKind::Unreachable,
                        "the connection on which nodes tell is lost",
                    ));
                };
                if let Some(key) = EntryKey::from_bytes(&message) {
                    return Ok(key);
                }
            }
        })
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}
