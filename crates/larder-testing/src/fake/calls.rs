//! What a fake store does when it is asked, without any fault on the way.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    Batch, EntryKey, EntryStore, Extent, Found, InvalidationLog, Leased, LogPosition, News, Node,
    NodeId, Outcome, Pending, Put, StoreError, Token, Wish,
};
use tokio::time::Instant;

use super::news::Told;
use super::state::State;
use super::store::FakeStore;

impl EntryStore for FakeStore {
    fn get<'a>(&'a self, key: &'a EntryKey, wish: Wish<'a>) -> Pending<'a, Found> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.count_get(wish);
            let found = state.get(key, wish);
            state.counts.count_won(&found);
            found
        })
    }

    fn put<'a>(&'a self, put: &'a Put) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.puts += 1;
            state.check_room()?;
            state.shelf.put(put, Instant::now());
            Ok(())
        })
    }

    fn remove<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.removes += 1;
            state.shelf.remove(key);
            Ok(())
        })
    }

    fn discard<'a>(&'a self, key: &'a EntryKey, born: LogPosition) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.removes += 1;
            state.shelf.discard(key, born);
            Ok(())
        })
    }

    fn release<'a>(
        &'a self,
        key: &'a EntryKey,
        token: &'a Token,
        outcome: Outcome,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.releases += 1;
            state.shelf.release(key, token, outcome, Instant::now());
            Ok(())
        })
    }

    fn tell<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        Box::pin(async {
            let _ = self.inner().news.send(*key);
            Ok(())
        })
    }

    fn listen(&self) -> Pending<'_, Option<Box<dyn News>>> {
        Box::pin(async {
            let told = Told(self.inner().news.subscribe());
            Ok(Some(Box::new(told) as Box<dyn News>))
        })
    }
}

impl State {
    fn get(&mut self, key: &EntryKey, wish: Wish<'_>) -> Result<Found, StoreError> {
        let now = Instant::now();
        let leased = self.shelf.may_lease(key, wish, now);
        if let (Leased::Won, Some(lease)) = (leased, wish.lease()) {
            self.check_room()?;
            self.shelf.lease(key, lease, now);
        }
        Ok(Found {
            leased,
            ..self.shelf.find(key, now)
        })
    }
}

impl InvalidationLog for FakeStore {
    fn extent(&self, anchor: LogPosition) -> Pending<'_, Extent> {
        Box::pin(async move {
            let now = self.now();
            let mut state = self.inner().state();
            state.counts.extents += 1;
            Ok(state.journal.extent(anchor, now))
        })
    }

    fn read(&self, after: LogPosition, limit: usize, wait: Duration) -> Pending<'_, Batch> {
        Box::pin(async move {
            self.inner().state().counts.reads += 1;
            Ok(self.inner().read(after, limit, wait).await)
        })
    }

    fn append<'a>(&'a self, record: &'a Bytes) -> Pending<'a, LogPosition> {
        Box::pin(async move {
            let now = self.now();
            self.inner().change(|state| state.append(record, now))
        })
    }

    fn restart<'a>(
        &'a self,
        above: LogPosition,
        record: &'a Bytes,
    ) -> Pending<'a, Option<LogPosition>> {
        Box::pin(async move {
            let now = self.now();
            self.inner().change(|state| {
                state.counts.restarts += 1;
                state.check_room()?;
                Ok(state.journal.restart(above, record, now))
            })
        })
    }

    fn announce(&self, node: NodeId, applied: LogPosition, lasts: Duration) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.announcements += 1;
            state.check_room()?;
            let now = Instant::now();
            state.journal.announce(node, applied, lasts, now);
            Ok(())
        })
    }

    fn nodes(&self) -> Pending<'_, Vec<Node>> {
        Box::pin(async move {
            let mut state = self.inner().state();
            state.counts.rolls += 1;
            Ok(state.journal.nodes(Instant::now()))
        })
    }

    fn poll_every(&self) -> Option<Duration> {
        self.inner().poll_every()
    }
}
