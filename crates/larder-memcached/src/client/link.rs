//! One server: a task that keeps a connection to it, and what others see of it.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Batch, Bounds, run};
use super::hello::{Hello, greet};
use super::no_connection::NoConnection;
use super::route::name_hash;

/// How a server is kept in touch with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkSettings {
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
    /// How long the server may say nothing while an answer is due.
    pub(crate) silence: Duration,
    /// The longest pause between two attempts to connect.
    pub(crate) longest_pause: Duration,
    /// Batches that wait to be written.
    pub(crate) queue: usize,
    /// Batches that wait for an answer.
    pub(crate) in_flight: usize,
    /// The longest value that is read, in bytes.
    pub(crate) longest_value: usize,
}

/// A server, be it there or not.
pub(super) struct Link {
    address: Arc<str>,
    name_hash: u64,
    state: watch::Receiver<State>,
    task: AbortHandle,
}

/// What is known of a connection.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// The first attempt is under way.
    Connecting,
    /// There is one.
    Up(mpsc::Sender<Batch>, Hello),
    /// There is none: the last attempt failed so.
    Down(Arc<NoConnection>),
}

impl Link {
    /// Begins to connect, in a task that ends when this is dropped.
    pub(super) fn start(address: Arc<str>, settings: LinkSettings) -> Self {
        let (show, state) = watch::channel(State::Connecting);
        let task = tokio::spawn(keep(Arc::clone(&address), settings, show)).abort_handle();
        Self {
            name_hash: name_hash(&address),
            address,
            state,
            task,
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What decides which keys it has.
    pub(super) fn name_hash(&self) -> u64 {
        self.name_hash
    }

    /// What is known now.
    pub(super) fn state(&self) -> watch::Ref<'_, State> {
        self.state.borrow()
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), State::Up(..))
    }

    /// Waits until the first attempt has ended.
    pub(super) async fn tried(&self) -> State {
        let mut state = self.state.clone();
        match state
            .wait_for(|state| !matches!(state, State::Connecting))
            .await
        {
            Ok(state) => state.clone(),
            Err(_) => self.state().clone(),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("address", &self.address)
            .field("is_up", &self.is_up())
            .finish_non_exhaustive()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(address: Arc<str>, settings: LinkSettings, show: watch::Sender<State>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let began = Instant::now();
        match connect(&address, settings).await {
            Ok((stream, hello)) => carry(&address, settings, stream, hello, &show).await,
            Err(error) => {
                tracing::debug!(%address, %error, "no connection to memcached");
                show.send_replace(State::Down(Arc::new(error)));
            }
        }
        // What lasted begins anew; what breaks at once, over and over, does not.
        pause = if began.elapsed() > settings.longest_pause {
            SHORTEST_PAUSE
        } else {
            (pause * 2).min(settings.longest_pause)
        };
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    }
}

/// Shows a connection to all who ask, and carries what they ask until it ends.
async fn carry(
    address: &str,
    settings: LinkSettings,
    mut stream: TcpStream,
    hello: Hello,
    show: &watch::Sender<State>,
) {
    let bounds = Bounds {
        longest_value: settings.longest_value,
        in_flight: settings.in_flight,
        silence: settings.silence,
    };
    let (ask, mut requests) = mpsc::channel(settings.queue);
    show.send_replace(State::Up(ask, hello));
    tracing::debug!(%address, "connected to memcached");
    let (reader, writer) = stream.split();
    let ended = run(reader, writer, &mut requests, bounds).await;
    tracing::warn!(%address, %ended, "the connection to memcached ended");
    let broken = io::Error::from(io::ErrorKind::ConnectionAborted);
    show.send_replace(State::Down(Arc::new(NoConnection::Failed(broken))));
}

async fn connect(
    address: &str,
    settings: LinkSettings,
) -> Result<(TcpStream, Hello), NoConnection> {
    let limit = settings.connect_timeout;
    let connecting = async {
        let mut stream = TcpStream::connect(address)
            .await
            .map_err(NoConnection::Failed)?;
        stream.set_nodelay(true).map_err(NoConnection::Failed)?;
        let hello = greet(&mut stream).await?;
        Ok((stream, hello))
    };
    match timeout(limit, connecting).await {
        Ok(result) => result,
        Err(_) => Err(NoConnection::TimedOut(limit)),
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
