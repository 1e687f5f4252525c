//! A way to a server that a test can break.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::ports;

/// Forwards what arrives at a free port to a server, and back. Ends when it is dropped, or the
/// runtime that started it.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    server: SocketAddr,
    state: watch::Sender<State>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    cut: bool,
    frozen: bool,
    delay: Duration,
}

impl Proxy {
    /// Of a server, which need not run yet.
    pub async fn to(server: SocketAddr) -> Self {
        for _ in 0..10 {
            let addr = ports::loopback(ports::free());
            if let Ok(listener) = TcpListener::bind(addr).await {
                let proxy = Self {
                    addr,
                    server,
                    state: watch::Sender::default(),
                    listening: Mutex::default(),
                };
                proxy.listen(listener);
                return proxy;
            }
        }
        panic!("ten ports were free and then were not");
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Ends all connections and refuses new ones. Returns when that is so.
    pub async fn cut(&self) {
        self.state.send_modify(|state| state.cut = true);
        let listening = self.listening().take();
        if let Some(listening) = listening {
            let _ = listening.await;
        }
    }

    /// Takes connections again after [`Proxy::cut`].
    ///
    /// # Panics
    ///
    /// If somebody else has taken the port.
    pub async fn heal(&self) {
        if self.listening().is_some() {
            return;
        }
        self.state.send_modify(|state| state.cut = false);
        let listener = TcpListener::bind(self.addr).await;
        self.listen(listener.expect("somebody else has taken the proxy's port"));
    }

    /// Accepts and keeps connections, and holds back what they carry.
    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen = true);
    }

    /// Carries on after [`Proxy::freeze`], beginning with what was held back.
    pub fn thaw(&self) {
        self.state.send_modify(|state| state.frozen = false);
    }

    /// How long everything takes that is sent from now on, each way.
    pub fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }

    fn listen(&self, listener: TcpListener) {
        let task = tokio::spawn(listen(listener, self.server, self.state.subscribe()));
        *self.listening() = Some(task);
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listening) = self.listening().take() {
            listening.abort();
        }
    }
}

async fn listen(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    let mut cut = state.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = cut.wait_for(|state| state.cut) => break,
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connect(client, server, state.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Until both ends have closed their sides.
async fn connect(client: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    if state.wait_for(|state| !state.frozen).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    // What arrives in small pieces is to leave so.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = carry(from_client, to_server, state.clone());
    tokio::join!(requests, carry(from_server, to_client, state));
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) {
    let (arrived, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let delays = state.clone();
    let read = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now() + delays.borrow().delay;
            if arrived.send((due, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = due.recv().await {
            sleep_until(due).await;
            if state.wait_for(|state| !state.frozen).await.is_err()
                || to.write_all(&bytes).await.is_err()
            {
                break;
            }
        }
    };
    // The writer ends when the reader has and all is written; then the side is closed.
    tokio::join!(read, write);
}
