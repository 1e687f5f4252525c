//! One Redis or Valkey server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fs, io};

use crate::binaries::{Binary, Kind};
use crate::process::Process;
use crate::{certificates, ports, resp};

/// A Redis or Valkey server, killed when the handle is dropped.
#[derive(Debug)]
pub struct Redis {
    options: RedisOptions,
    port: u16,
    /// Where the nodes of a cluster talk to one another.
    pub(crate) bus: u16,
    process: Process,
}

/// A server that speaks as Redis does: its handle is a [`Redis`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Valkey;

impl Valkey {
    /// [`Redis::start`], of Valkey.
    pub async fn start() -> Redis {
        Self::options().start().await
    }

    /// [`Redis::start_or_skip`], of Valkey.
    pub async fn start_or_skip() -> Option<Redis> {
        Self::options().start_or_skip().await
    }

    /// Settings of a server to start.
    pub fn options() -> RedisOptions {
        Redis::options().kind(Kind::Valkey)
    }
}

/// Settings of a server to start.
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisOptions {
    kind: Kind,
    login: Option<(String, String)>,
    lines: Vec<String>,
    arguments: Vec<String>,
    tls: bool,
    bus: bool,
}

impl RedisOptions {
    /// Which program; [`Kind::Redis`] by default.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// What the default user has to say; nothing by default.
    pub fn password(mut self, password: &str) -> Self {
        self.login = Some(("default".to_owned(), password.to_owned()));
        self.line(&format!("requirepass {password}"))
    }

    /// The only user who may log in, allowed everything.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.login = Some((name.to_owned(), password.to_owned()));
        self.line(&format!("user {name} on >{password} ~* &* +@all"))
            .line("user default off")
    }

    /// TLS and nothing else at its port, with a certificate for `localhost` and 127.0.0.1 that an
    /// authority made for this server has signed: [`Redis::authority`]. Valkey as `cargo xtask test`
    /// installs it was built without.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Bytes, and what goes when they are used up: `allkeys-lru`, `noeviction` …
    pub fn max_memory(self, bytes: u64, policy: &str) -> Self {
        self.line(&format!("maxmemory {bytes}"))
            .line(&format!("maxmemory-policy {policy}"))
    }

    /// Keeps each write on disk before it answers, so that [`Redis::restart`] comes back with all of
    /// them; by default it comes back empty.
    pub fn durable(self) -> Self {
        self.line("appendonly yes").line("appendfsync always")
    }

    /// Another line of its configuration file.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// An argument of its command line.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// One node of a cluster.
    pub(crate) fn clustered(mut self) -> Self {
        self.bus = true;
        self.line("cluster-enabled yes")
            .line("cluster-announce-ip 127.0.0.1")
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it is missing, or with its log if it does not answer.
    pub async fn start(self) -> Redis {
        let binary = Binary::get(self.kind);
        Redis::launch(self, binary).await
    }

    /// `None`, with a line that says so, where the server is missing.
    ///
    /// # Panics
    ///
    /// If it is missing where `CI` or `LARDER_REQUIRE_SERVERS` is set, or with its log if it does
    /// not answer.
    pub async fn start_or_skip(self) -> Option<Redis> {
        let binary = Binary::get_or_skip(self.kind)?;
        Some(Redis::launch(self, binary).await)
    }
}

impl Redis {
    /// Settings of a server to start.
    pub fn options() -> RedisOptions {
        RedisOptions {
            kind: Kind::Redis,
            login: None,
            lines: Vec::new(),
            arguments: Vec::new(),
            tls: false,
            bus: false,
        }
    }

    /// [`RedisOptions::start`], with the defaults.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// [`RedisOptions::start_or_skip`], with the defaults.
    pub async fn start_or_skip() -> Option<Self> {
        Self::options().start_or_skip().await
    }

    /// `redis://user:password@127.0.0.1:port`; with TLS, `rediss://…`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.addr())
    }

    /// [`Redis::url`], of where a [`Proxy`] to it listens.
    ///
    /// [`Proxy`]: crate::Proxy
    #[must_use]
    pub fn url_at(&self, addr: SocketAddr) -> String {
        let login = self.options.login.as_ref();
        let login = login.map(|(name, password)| format!("{name}:{password}@"));
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        format!("{scheme}://{}{}", login.unwrap_or_default(), addr)
    }

    /// Whom a client has to trust, with TLS: a certificate in PEM.
    ///
    /// # Panics
    ///
    /// If it was started without TLS.
    #[must_use]
    pub fn authority(&self) -> String {
        assert!(self.options.tls, "the server has no TLS");
        certificates::authority(self.process.folder())
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

    /// Starts it again, on the same port and with what it kept in its folder; kills it first if it
    /// runs. Returns when it answers.
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

    /// Runs a command by the side, over a connection of its own that no [`Proxy`] sees.
    ///
    /// The reply's text; elements of an array stand on a line each, and nothing is `(nil)`.
    ///
    /// [`Proxy`]: crate::Proxy
    ///
    /// # Panics
    ///
    /// If the reply is an error, or there is none within 5 s.
    pub async fn command(&self, command: &[&str]) -> String {
        let reply = self.try_command(command).await;
        reply.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// [`Redis::command`], for commands that may fail.
    ///
    /// # Errors
    ///
    /// If the reply is an error, or there is none within 5 s.
    pub async fn try_command(&self, command: &[&str]) -> io::Result<String> {
        let socket = self.socket();
        match &self.options.login {
            Some((name, password)) => {
                resp::commands(&socket, &[&["AUTH", name, password], command]).await
            }
            None => resp::commands(&socket, &[command]).await,
        }
    }

    async fn launch(options: RedisOptions, binary: Binary) -> Self {
        for _ in 0..10 {
            let port = ports::free();
            let mut process = Process::new(binary.clone());
            let file = process.folder().join("server.conf");
            let mut arguments = vec![file.display().to_string()];
            arguments.extend(options.arguments.iter().cloned());
            process.arguments(arguments);
            if options.tls {
                certificates::make(process.folder());
            }
            let redis = Self {
                options: options.clone(),
                port,
                bus: ports::free(),
                process,
            };
            fs::write(file, redis.configuration()).expect("no configuration file");
            redis.process.spawn();
            if redis.process.ready(|| redis.answers()).await {
                return redis;
            }
        }
        panic!("ten ports were free and then were not");
    }

    async fn answers(&self) -> bool {
        self.try_command(&["PING"]).await.is_ok()
    }

    fn configuration(&self) -> String {
        let folder = self.process.folder().display();
        let socket = self.socket();
        let socket = socket.display();
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            format!("dir {folder}"),
            format!("unixsocket {socket}"),
            "save \"\"".to_owned(),
        ];
        if self.options.tls {
            lines.push(format!("port 0\ntls-port {}", self.port));
            lines.extend(certificates::LINES.map(str::to_owned));
        } else {
            lines.push(format!("port {}", self.port));
        }
        if self.options.bus {
            lines.push(format!("cluster-port {}", self.bus));
        }
        lines.extend(self.options.lines.iter().cloned());
        lines.push(String::new());
        lines.join("\n")
    }

    /// What we ourselves talk to it through, whatever becomes of its port.
    fn socket(&self) -> PathBuf {
        self.process.folder().join("socket")
    }
}
