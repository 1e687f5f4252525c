//! A server of HTTP: nginx or Varnish as a cache, or a program of the caller's.

use std::fs;
use std::io::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::binaries::{Binary, Kind};
use crate::process::Process;
use crate::{family, ports};

const LIMIT: Duration = Duration::from_secs(5);

/// A server of HTTP/1.1, killed with all that it started when the handle is dropped.
#[derive(Debug)]
pub struct HttpServer {
    port: u16,
    process: Process,
}

impl HttpServer {
    /// A program that serves at the address which `arguments` is told. It answers at `path`, with
    /// whatever status.
    ///
    /// # Panics
    ///
    /// With its log, if it does not answer.
    pub async fn program(
        program: &Path,
        arguments: impl Fn(SocketAddr) -> Vec<String>,
        path: &str,
    ) -> Self {
        let binary = Binary {
            path: program.to_owned(),
            libraries: None,
        };
        Self::launch(&binary, path, |port, _| arguments(ports::loopback(port))).await
    }

    /// nginx with `proxy_cache` in front of an origin, with so many workers, and with more settings of its
    /// `http` block; `None` where it is missing. It writes no access log, and its connections last.
    ///
    /// # Panics
    ///
    /// With its log, if it does not answer.
    pub async fn nginx(
        origin: SocketAddr,
        workers: usize,
        settings: &str,
        path: &str,
    ) -> Option<Self> {
        let binary = Binary::find(Kind::Nginx)?;
        let arguments = |port, folder: &Path| {
            let settings = nginx_settings(port, folder, origin, workers, settings);
            fs::write(folder.join("nginx.conf"), settings).expect("no file of settings");
            let folder = folder.display().to_string();
            let arguments = ["-p", &folder, "-c", "nginx.conf", "-e", "stderr"];
            arguments.map(str::to_owned).to_vec()
        };
        Some(Self::launch(&binary, path, arguments).await)
    }

    /// Varnish in front of an origin, with the rules and settings it comes with and 64 MiB; `None`
    /// where it is missing. It needs a C compiler.
    ///
    /// # Panics
    ///
    /// With its log, if it does not answer.
    pub async fn varnish(origin: SocketAddr, path: &str) -> Option<Self> {
        let binary = Binary::find(Kind::Varnish)?;
        let arguments = |port, folder: &Path| {
            let (address, origin) = (ports::loopback(port).to_string(), origin.to_string());
            let folder = folder.join("varnish").display().to_string();
            let arguments = [
                ["-j", "none"],
                ["-a", &address],
                ["-b", &origin],
                ["-n", &folder],
                ["-s", "malloc,64m"],
            ];
            let foreground = ["-F".to_owned()].into_iter();
            let rest = arguments.as_flattened().iter();
            foreground
                .chain(rest.map(|&word| word.to_owned()))
                .collect()
        };
        Some(Self::launch(&binary, path, arguments).await)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        ports::loopback(self.port)
    }

    /// The processor time that it and what it started have had, to some 10 ms; zero where the system
    /// is not Linux.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        self.process.id().map(family::time_of).unwrap_or_default()
    }

    /// SIGSTOP: it keeps its connections and says nothing. Returns when it stands still.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// What it has written since it was started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The response to a GET, as it comes over a connection of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, or does not reply within 5 s.
    pub async fn get(&self, path: &str) -> Result<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.addr()).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n");
            let request = format!("{request}Connection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut response = Vec::new();
            stream.read_to_end(&mut response).await?;
            Ok(String::from_utf8_lossy(&response).into_owned())
        };
        timeout(LIMIT, exchange).await?
    }

    async fn launch(
        binary: &Binary,
        path: &str,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
    ) -> Self {
        for _ in 0..10 {
            let port = ports::free();
            let mut process = Process::new(binary.clone());
            let arguments = arguments(port, process.folder());
            process.arguments(arguments);
            let server = Self { port, process };
            server.process.spawn();
            if server.process.ready(|| server.answers(path)).await {
                return server;
            }
        }
        panic!("ten ports were free and then were not");
    }

    async fn answers(&self, path: &str) -> bool {
        let response = self.get(path).await.unwrap_or_default();
        response.starts_with("HTTP/1.1 ")
    }
}

impl Drop for HttpServer {
    /// Its workers would outlive it.
    fn drop(&mut self) {
        let id = self.process.id();
        let family = id.map(family::of).unwrap_or_default();
        self.process.kill();
        let started = family.iter().filter(|member| Some(member.id) != id);
        let ids = started.filter_map(|member| i32::try_from(member.id).ok());
        for pid in ids.filter_map(Pid::from_raw) {
            // Most are gone.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn nginx_settings(
    port: u16,
    folder: &Path,
    origin: SocketAddr,
    workers: usize,
    more: &str,
) -> String {
    let folder = folder.display();
    // Root's workers would else be another user's, who may not enter the folder.
    let user = if getuid().is_root() { "user root;" } else { "" };
    let places: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "\
daemon off;
{user}
worker_processes {workers};
error_log stderr warn;
pid {folder}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    {more}
    keepalive_requests 1000000000;
{places}
    proxy_cache_path {folder}/cache keys_zone=stored:10m max_size=64m inactive=1h use_temp_path=off;
    upstream app {{ server {origin}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_cache stored;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
            proxy_pass http://app;
        }}
    }}
}}
"
    )
}
