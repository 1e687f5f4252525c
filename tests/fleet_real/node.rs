//! [`Node`]: one process of a fleet, as it were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use larder::{Cache, Purge, Receipt};
use larder_servers::{Proxy, until};
use larder_tests::{Reply, get};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use crate::app::{App, Service};
use crate::servers::Way;

/// A cache on a thread of its own, which can be stopped as a process can.
pub(crate) struct Node {
    pub(crate) cache: Cache,
    pub(crate) service: Service,
    /// Its own way to the server, where it has one.
    pub(crate) proxy: Option<Proxy>,
    pub(crate) handle: Handle,
    /// How much too late its thread ran, in milliseconds.
    lag: Arc<AtomicU64>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A node that stands still as long as this is there.
pub(crate) struct Stopped {
    _go: mpsc::Sender<()>,
}

impl Node {
    /// Until it has read the log to its end.
    pub(crate) async fn start(app: &App, way: Way, proxy: Option<Proxy>) -> Self {
        let (end, ended) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let _ = tell.send(runtime.handle().clone());
            let _ = runtime.block_on(ended);
        });
        let handle = told.await.unwrap();
        let cache = handle.spawn(way.cache()).await.unwrap();
        let lag = Arc::new(AtomicU64::new(0));
        handle.spawn(watch(Arc::clone(&lag)));
        let node = Self {
            service: app.behind(&cache),
            cache,
            proxy,
            handle,
            lag,
            end: Some(end),
            thread: Some(thread),
        };
        until(
            "the node has read the log",
            Duration::from_secs(20),
            || async { node.cache.is_joined().then_some(()) },
        )
        .await;
        node
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a node with a way of its own")
    }

    /// Returns when it stands still: everything that it is, its timers too.
    pub(crate) async fn stop(&self) -> Stopped {
        let (go, wait) = mpsc::channel::<()>();
        let (tell, told) = oneshot::channel();
        self.handle.spawn(async move {
            let _ = tell.send(());
            let _ = wait.recv();
        });
        told.await.unwrap();
        Stopped { _go: go }
    }

    /// The longest time by which something was too late on its thread. Not to be asked while it is stopped,
    /// and of a node that was it is no use.
    pub(crate) fn lag(&self) -> Duration {
        Duration::from_millis(self.lag.load(Ordering::SeqCst))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let (service, request) = (self.service.clone(), get(path));
        let asked = self
            .handle
            .spawn(async move { send(service, request).await });
        asked.await.unwrap()
    }

    /// Until it has written so many responses to the store.
    pub(crate) async fn written(&self, responses: u64) {
        until("responses are written", Duration::from_secs(20), || async {
            let stats = self.cache.shared_stats()?;
            (stats.written() >= responses).then_some(())
        })
        .await;
    }

    /// What it answers, and how.
    pub(crate) async fn told(&self, path: &str) -> (String, String) {
        let reply = self.get(path).await;
        (
            reply.text().to_owned(),
            reply.field("cache-status").to_owned(),
        )
    }

    /// Purges the tag of a path.
    pub(crate) fn purge(&self, path: &str) -> Receipt {
        self.cache.purge(Purge::tag(&path[1..]))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) async fn send(service: Service, request: Request<Body>) -> Reply {
    Reply::read(service.oneshot(request).await.unwrap()).await
}

async fn watch(lag: Arc<AtomicU64>) {
    const PAUSE: Duration = Duration::from_millis(5);
    loop {
        let due = Instant::now() + PAUSE;
        sleep(PAUSE).await;
        let late = u64::try_from(due.elapsed().as_millis()).unwrap();
        lag.fetch_max(late, Ordering::SeqCst);
    }
}
