//! The way of one side of a link, and what is wrong with it.

use std::future::{Future, pending};
use std::time::Duration;

use larder::shared::{StoreError, StoreErrorKind};
use tokio::sync::watch;
use tokio::time::sleep;

#[derive(Debug, Default)]
pub(super) struct Way(watch::Sender<Faults>);

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) is_cut: bool,
    pub(super) is_frozen: bool,
    pub(super) loses_replies: bool,
    pub(super) requests: Duration,
    pub(super) replies: Duration,
}

impl Way {
    pub(super) fn set(&self, how: impl FnOnce(&mut Faults)) {
        self.0.send_modify(how);
    }

    /// Carries a call there and its answer back.
    pub(super) async fn carry<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::select! {
            biased;
            () = self.until(|faults| faults.is_cut) => Err(broken("the link is cut")),
            answer = self.there_and_back(call) => answer,
        }
    }

    async fn there_and_back<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let requests = self.0.borrow().requests;
        self.pass(requests).await;
        let answer = call.await;
        let replies = self.0.borrow().replies;
        self.pass(replies).await;
        if self.0.borrow().loses_replies {
            return Err(broken("the reply is lost"));
        }
        answer
    }

    async fn pass(&self, delay: Duration) {
        if !delay.is_zero() {
            sleep(delay).await;
        }
        self.until(|faults| !faults.is_frozen).await;
    }

    async fn until(&self, is_so: impl FnMut(&Faults) -> bool) {
        let is_over = self.0.subscribe().wait_for(is_so).await.is_err();
        if is_over {
            pending::<()>().await;
        }
    }
}

fn broken(what: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, what)
}
