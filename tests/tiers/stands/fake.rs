//! [`FakeStore`], on paused time.

use std::sync::Arc;

use larder_testing::FakeStore;

use crate::stand::{Limits, Node, Stand};

pub(crate) struct OnFake(FakeStore);

impl Stand for OnFake {
    const LIMITS: Limits = Limits::NONE;

    async fn set_up() -> Option<Self> {
        Some(Self(FakeStore::new()))
    }

    async fn node(&self) -> Node {
        Arc::new(self.0.link())
    }

    async fn forget_log(&self) {
        self.0.forget_log();
    }

    async fn trim_log(&self, keep: usize) -> bool {
        self.0.trim_log(keep);
        true
    }

    async fn flush(&self) {
        self.0.flush();
    }
}
