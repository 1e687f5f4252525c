//! [`Link`]: a connection that is there again after it broke.
//!
//! A task keeps it: it connects, sees the connection break, and connects again. Whoever wants to use it
//! in between is told at once that there is none: nobody waits for a server.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use larder::shared::{StoreError, StoreErrorKind};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::keeper::Target;
use crate::reply;

/// A connection that is kept.
pub(crate) struct Link {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
    /// Whether another connection may lead to another server.
    moves: bool,
}

/// What the keeper and those who use it both know.
struct Shared {
    state: RwLock<State>,
    suspected: Notify,
    tried: Notify,
}

enum State {
    Up {
        connection: MultiplexedConnection,
        since: Instant,
    },
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
        let moves = target.place.moves();
        let keeper = tokio::spawn(keep(Arc::clone(&shared), target));
        Self {
            shared,
            keeper,
            moves,
        }
    }

    /// Waits for the first connection, or for the first try that failed.
    pub(crate) async fn first(&self) -> Result<(), ConnectError> {
        // A permit is left behind if it is there already.
        self.shared.tried.notified().await;
        match self.connection() {
            Ok(_) => Ok(()),
            Err(error) => Err(ConnectError::new(
                ConnectErrorKind::Unreachable,
                error.to_string(),
            )),
        }
    }

    /// What the server answers; that may be [`Value::ServerError`]. If the future is dropped, the answer
    /// goes to nobody.
    pub(crate) async fn send(&self, cmd: &Cmd) -> Result<Value, StoreError> {
        let sent = self.connection()?.send_packed_command(cmd).await;
        let answer = reply::answer(sent)?;
        self.mind(&answer);
        Ok(answer)
    }

    /// What the server answers to several requests that go together; each may be
    /// [`Value::ServerError`].
    pub(crate) async fn send_all(&self, all: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut connection = self.connection()?;
        let sent = connection.send_packed_commands(all, 0, all.len()).await;
        let answers = sent.map_err(reply::failure)?;
        for answer in &answers {
            self.mind(answer);
        }
        Ok(answers)
    }

    /// The connection may be a wrong one or a dead one: another is made.
    pub(crate) fn suspect(&self) {
        self.shared.suspected.notify_one();
    }

    /// The connection as it is now.
    fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        let state = self.shared.state.read();
        match &*state.unwrap_or_else(PoisonError::into_inner) {
            State::Up { connection, .. } => Ok(connection.clone()),
            State::Down(why) => Err(StoreError::new(
                StoreErrorKind::Unreachable,
                why.to_string(),
            )),
        }
    }

    /// A server that is not the master any more says so. Behind the same name there may be another by
    /// now.
    fn mind(&self, answer: &Value) {
        let Value::ServerError(error) = answer else {
            return;
        };
        let is_wrong = match error.code() {
            "READONLY" | "UNBLOCKED" => true,
            "MOVED" => self.moves,
            _ => false,
        };
        if !is_wrong {
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
        match target.place.dial(&target.dialler).await {
            Ok((mut line, address)) => {
                pause = FIRST_PAUSE;
                // What was suspected was the one before.
                let _ = tokio::time::timeout(Duration::ZERO, shared.suspected.notified()).await;
                shared.set(State::Up {
                    connection: line.connection.clone(),
                    since: Instant::now(),
                });
                tracing::info!(target: "larder::redis", %address, "connected");
                let why = tokio::select! {
                    why = target.broken(&mut line, &address) => why,
                    () = shared.suspected.notified() => "it was given up".into(),
                };
                tracing::warn!(target: "larder::redis", %address, why = &*why, "connection lost");
                let why = format!("the connection to {address} is lost: {why}");
                shared.set(State::Down(why.into()));
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
