//! What is compared: servers that run.

use std::net::SocketAddr;

use larder_servers::HttpServer;

use crate::options::Options;
use crate::serve::Shape;

/// The request: [`larder_benches::request`] has the same fields.
pub(crate) const TARGET: &str = "/products/42?currency=eur";

/// A server under a name.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) server: HttpServer,
    /// Whether the uncached application is behind it.
    pub(crate) is_in_front: bool,
}

pub(crate) const BARE: &str = "bare handler";
pub(crate) const ROUTE: &str = "larder on the route";
pub(crate) const AROUND: &str = "larder around the router";
pub(crate) const PROXY: &str = "larder as a reverse proxy";
pub(crate) const NGINX: &str = "nginx `proxy_cache`";
pub(crate) const NGINX_TUNED: &str = "nginx, files kept open";
pub(crate) const VARNISH: &str = "Varnish";

/// All cases with one length of the body, the bare handler first.
#[derive(Debug)]
pub(crate) struct Cases {
    pub(crate) kib: usize,
    pub(crate) cases: Vec<Case>,
    /// The uncached application.
    pub(crate) app: HttpServer,
    /// Of those that this machine lacks.
    pub(crate) missing: Vec<&'static str>,
}

impl Cases {
    /// Starts those that are to run.
    pub(crate) async fn start(options: &Options, kib: usize) -> Self {
        let own = |shape, origin| start_own(options, kib, shape, origin);
        let app = own(Shape::Bare, None).await;
        let mut cases = vec![Case::new(BARE, own(Shape::Bare, None).await)];
        for (name, shape) in [(ROUTE, Shape::Route), (AROUND, Shape::Around)] {
            if options.runs(name) {
                cases.push(Case::new(name, own(shape, None).await));
            }
        }
        if options.runs(PROXY) {
            let server = own(Shape::Proxy, Some(app.addr())).await;
            cases.push(Case::in_front(PROXY, server));
        }
        let mut missing = Vec::new();
        for name in [NGINX, NGINX_TUNED, VARNISH]
            .into_iter()
            .filter(|name| options.runs(name))
        {
            let server = match name {
                NGINX => nginx(options, &app, "sendfile on; tcp_nopush on;").await,
                NGINX_TUNED => nginx(options, &app, KEPT_OPEN).await,
                _ => HttpServer::varnish(app.addr(), TARGET).await,
            };
            match server {
                Some(server) => cases.push(Case::in_front(name, server)),
                None => missing.push(name),
            }
        }
        Self {
            kib,
            cases,
            app,
            missing,
        }
    }

    /// Asks each case for a hit. A cache that stands in front of the application must have it while
    /// the application says nothing.
    pub(crate) async fn check(&self) -> Result<(), String> {
        self.app.pause();
        let checked = self.check_each().await;
        self.app.resume();
        checked
    }

    async fn check_each(&self) -> Result<(), String> {
        for Case { name, server, .. } in &self.cases {
            let response = server.get(TARGET).await;
            let response = response.map_err(|error| format!("{name}: {error}"))?;
            let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
            let is_hit = !is_ours(name) || head.contains("cache-status: larder; hit");
            if !head.starts_with("HTTP/1.1 200") || body.len() != self.kib << 10 || !is_hit {
                return Err(format!("{name} gives no hit:\n{head}\n{}", server.log()));
            }
        }
        Ok(())
    }
}

/// Whether its responses say that they are hits.
pub(crate) fn is_ours(name: &str) -> bool {
    matches!(name, ROUTE | AROUND | PROXY)
}

impl Case {
    fn new(name: &'static str, server: HttpServer) -> Self {
        Self {
            name,
            server,
            is_in_front: false,
        }
    }

    fn in_front(name: &'static str, server: HttpServer) -> Self {
        Self {
            is_in_front: true,
            ..Self::new(name, server)
        }
    }
}

/// What makes its hits cheapest here: a body is written with its head, not sent from its file as Debian
/// sets it.
const KEPT_OPEN: &str = "open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s;";

async fn nginx(options: &Options, app: &HttpServer, settings: &str) -> Option<HttpServer> {
    HttpServer::nginx(app.addr(), options.server_threads, settings, TARGET).await
}

/// This program again, in a process of its own.
async fn start_own(
    options: &Options,
    kib: usize,
    shape: Shape,
    origin: Option<SocketAddr>,
) -> HttpServer {
    let program = std::env::current_exe().expect("a program has a path");
    let kib = kib.to_string();
    let threads = options.server_threads.to_string();
    let arguments = |address: SocketAddr| {
        let mut arguments = vec!["--serve".to_owned(), shape.name()];
        arguments.extend(["--address".to_owned(), address.to_string()]);
        arguments.extend(["--kib".to_owned(), kib.clone()]);
        arguments.extend(["--server-threads".to_owned(), threads.clone()]);
        let origin = origin.map(|origin| ["--origin".to_owned(), origin.to_string()]);
        arguments.extend(origin.into_iter().flatten());
        arguments
    };
    HttpServer::program(&program, arguments, TARGET).await
}
