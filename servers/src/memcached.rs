//! One memcached server.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::binaries::{Binary, Kind};
use crate::ports;
use crate::process::Process;

const LIMIT: Duration = Duration::from_secs(5);

/// A memcached server, killed when the handle is dropped.
#[derive(Debug)]
pub struct Memcached {
    port: u16,
    process: Process,
}

/// Settings of a server to start.
#[derive(Clone, Debug)]
#[must_use]
pub struct MemcachedOptions {
    arguments: Vec<String>,
}

impl MemcachedOptions {
    /// In MiB; 64 by default.
    pub fn memory(self, mebibytes: u32) -> Self {
        self.argument("-m").argument(&mebibytes.to_string())
    }

    /// Another argument of its command line.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it is missing, or with its log if it does not answer.
    pub async fn start(self) -> Memcached {
        Memcached::launch(&self, &Binary::get(Kind::Memcached)).await
    }

    /// `None`, with a line that says so, where the server is missing.
    ///
    /// # Panics
    ///
    /// If it is missing where `CI` or `LARDER_REQUIRE_SERVERS` is set, or with its log if it does
    /// not answer.
    pub async fn start_or_skip(self) -> Option<Memcached> {
        let binary = Binary::get_or_skip(Kind::Memcached)?;
        Some(Memcached::launch(&self, &binary).await)
    }
}

impl Memcached {
    /// Settings of a server to start.
    pub fn options() -> MemcachedOptions {
        MemcachedOptions {
            arguments: Vec::new(),
        }
    }

    /// [`MemcachedOptions::start`], with the defaults.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// [`MemcachedOptions::start_or_skip`], with the defaults.
    pub async fn start_or_skip() -> Option<Self> {
        Self::options().start_or_skip().await
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        ports::loopback(self.port)
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL. Returns when it is gone.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Starts it again, empty, on the same port; kills it first if it runs. Returns when it answers.
    ///
    /// # Panics
    ///
    /// With its log, if it does not.
    pub async fn restart(&self) {
        self.process.restart(|| self.answers()).await;
    }

    /// SIGSTOP: it keeps its connections and says nothing. Returns when it stands still.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Whether its process is there, paused or not.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// What it has written since it was first started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Runs commands, each ended by `\r\n`, over a connection of its own: all that it replies.
    ///
    /// # Panics
    ///
    /// If it does not within 5 s.
    pub async fn command(&self, commands: &str) -> String {
        let reply = self.try_command(commands).await;
        reply.unwrap_or_else(|error| panic!("{commands:?}: {error}"))
    }

    /// [`Memcached::command`], for a server that may be gone.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, or does not reply within 5 s.
    pub async fn try_command(&self, commands: &str) -> Result<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.addr()).await?;
            // It ends the connection when it has replied to all.
            stream.write_all(commands.as_bytes()).await?;
            stream.write_all(b"quit\r\n").await?;
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).await?;
            Ok(String::from_utf8_lossy(&reply).into_owned())
        };
        let silent = |_| Error::other(format!("no reply within {LIMIT:?}"));
        timeout(LIMIT, exchange).await.map_err(silent)?
    }

    async fn launch(options: &MemcachedOptions, binary: &Binary) -> Self {
        for _ in 0..10 {
            let port = ports::free();
            let mut process = Process::new(binary.clone());
            let mut arguments = vec!["-l".to_owned(), "127.0.0.1".to_owned()];
            arguments.extend(["-p".to_owned(), port.to_string()]);
            // It does not run as root, unless it is told to.
            arguments.extend(["-u".to_owned(), "root".to_owned()]);
            arguments.extend(options.arguments.iter().cloned());
            process.arguments(arguments);
            let memcached = Self { port, process };
            memcached.process.spawn();
            if memcached.process.ready(|| memcached.answers()).await {
                return memcached;
            }
        }
        panic!("ten ports were free and then were not");
    }

    /// Somebody else's server would answer too.
    async fn answers(&self) -> bool {
        let id = self.process.id().unwrap_or_default();
        let statistics = self.try_command("stats\r\n").await.unwrap_or_default();
        statistics.contains(&format!("STAT pid {id}\r\n"))
    }
}
