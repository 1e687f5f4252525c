//! What an answer means to those who asked.

use larder::shared::{StoreError, StoreErrorKind};

use super::reply::{Answer, Status};

impl Answer {
    /// Whether it was done; not so if what stands there, or does not, was against it.
    pub(crate) fn is_done(&self) -> Result<bool, StoreError> {
        match self.status {
            Status::Done => Ok(true),
            Status::Missing | Status::NotStored | Status::Changed => Ok(false),
            Status::Refused => Err(self.error(StoreErrorKind::Refused)),
            Status::Rejected | Status::Text | Status::Version | Status::End => {
                Err(self.error(StoreErrorKind::Protocol))
            }
        }
    }

    /// The item, if there is one. Its value may be empty: others make such items to reserve a place, and
    /// what is written takes their place as it takes any other's.
    pub(crate) fn found(self) -> Option<Self> {
        let is_there = self.status == Status::Done && self.value.is_some();
        is_there.then_some(self)
    }

    fn error(&self, kind: StoreErrorKind) -> StoreError {
        let text = self.value.as_deref().unwrap_or_default();
        // No more of it than is sure to be about the server.
        let text = text.get(..text.len().min(200)).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        StoreError::new(kind, format!("memcached answered {text:?}"))
    }
}
