//! [`Link`]: a connection that is there again after it broke.
//!
//! A task keeps it: it connects, sees the connection break, and connects again. Whoever wants to use it
//! in between is told at once that there is none: nobody waits for a server.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use larder::shared::{StoreError, StoreErrorKind};
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::keeper::Target;
use crate::reply;
use crate::script::Script;
use crate::wire::Wire;

/// A connection that is kept.
pub(crate) struct Link {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

/// What the keeper and those who use it both know.
pub(crate) struct Shared {
    state: RwLock<State>,
    suspected: Notify,
    tried: Notify,
}

enum State {
    Up { wire: Wire, since: Instant },
    Down(Arc<str>),
}

impl Link {
    /// To be called within a tokio runtime.
    pub(crate) fn new(target: Target) -> Self {
        let shared = Arc::new(Shared {
            state: RwLock::new(State::Down("not connected yet".into())),
            suspected: Notify::new(),
            tried: Notify::new(),
        });
        let keeper = tokio::spawn(keep(Arc::clone(&shared), target));
        Self { shared, keeper }
    }

    /// The connection as it is now.
    fn wire(&self) -> Result<Wire, StoreError> {
        let state = self.shared.state.read();
        match &*state.unwrap_or_else(PoisonError::into_inner) {
            State::Up { wire, .. } => Ok(wire.clone()),
            State::Down(why) => Err(StoreError::new(
                StoreErrorKind::Unreachable,
                why.to_string(),
            )),
        }
    }

    /// Waits for the first connection, or for the first try that failed.
    pub(crate) async fn first(&self) -> Result<(), ConnectError> {
        // A permit is left behind if it is there already.
        self.shared.tried.notified().await;
        self.wire()
            .map(drop)
            .map_err(|error| ConnectError::new(ConnectErrorKind::Unreachable, error.to_string()))
    }

    /// What the server answers, unless it refuses.
    pub(crate) async fn send(&self, cmd: &Cmd) -> Result<Value, StoreError> {
        self.judged(self.wire()?.send(cmd).await?)
    }

    /// What the server answers to several requests that go together, each by itself.
    pub(crate) async fn send_all(&self, all: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let answers = self.wire()?.send_all(all).await?;
        for answer in &answers {
            self.mind(answer);
        }
        Ok(answers)
    }

    /// What a script returns.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<Value, StoreError> {
        let mut wire = self.wire()?;
        let mut answer = wire.send(&script.call(keys, args)).await?;
        if matches!(&answer, Value::ServerError(error) if error.code() == "NOSCRIPT") {
            answer = wire.send(&script.call_in_full(keys, args)).await?;
        }
        self.judged(answer)
    }

    /// The connection may be a wrong one or a dead one: another is made.
    pub(crate) fn suspect(&self) {
        self.shared.suspected.notify_one();
    }

    fn judged(&self, answer: Value) -> Result<Value, StoreError> {
        self.mind(&answer);
        reply::answered(answer)
    }

    /// A server that is not the master any more says so.
    fn mind(&self, answer: &Value) {
        let Value::ServerError(error) = answer else {
            return;
        };
        if !["READONLY", "MOVED", "UNBLOCKED"].contains(&error.code()) {
            return;
        }
        let state = self.shared.state.read();
        if let State::Up { since, .. } = &*state.unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() > SETTLED
        {
            self.suspect();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    fn set(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.tried.notify_one();
    }
}

async fn keep(shared: Arc<Shared>, target: Target) {
    let mut pause = FIRST_PAUSE;
    loop {
        match target.connect().await {
            Ok(mut kept) => {
                pause = FIRST_PAUSE;
                // What was suspected was the one before.
                let _ = tokio::time::timeout(Duration::ZERO, shared.suspected.notified()).await;
                let since = Instant::now();
                let wire = kept.wire();
                shared.set(State::Up { wire, since });
                tracing::debug!(target: "larder::redis", place = %kept, "connected");
                let why = tokio::select! {
                    why = kept.broken(&target) => why,
                    () = shared.suspected.notified() => "it was given up".into(),
                };
                tracing::warn!(target: "larder::redis", place = %kept, why = &*why, "connection lost");
                shared.set(State::Down(format!("the connection to {kept} is lost: {why}").into()));
            }
            Err(error) => {
                tracing::debug!(target: "larder::redis", %error, "not connected");
                shared.set(State::Down(error.to_string().into()));
            }
        }
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(MOST_PAUSE);
    }
}

/// How long nobody tries to connect after a connection broke, at most; twice as long after each try
/// that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const MOST_PAUSE: Duration = Duration::from_secs(1);

/// How old a connection is at least that is given up for what the server answers.
const SETTLED: Duration = Duration::from_secs(1);
