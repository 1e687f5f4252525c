//! The command line of the caching reverse proxy.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use http::Uri;
use http::uri::Authority;
use larder::{Cache, Policy};
use reverse_proxy::{Options, proxy, serve};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// A caching reverse proxy for one HTTP/1.1 origin.
///
/// Log level: RUST_LOG, such as RUST_LOG=larder=debug (default: info).
#[derive(Debug, Parser)]
#[command(version, name = "reverse-proxy")]
struct Args {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Where requests are forwarded, such as http://127.0.0.1:8000
    #[arg(long, value_name = "URL", value_parser = parse_origin)]
    origin: Authority,

    /// The rules to start from
    #[arg(long, value_enum, default_value_t = Preset::Shared)]
    preset: Preset,

    /// Memory for stored responses, in bytes
    #[arg(long, value_name = "N", default_value_t = 64 << 20)]
    max_bytes: u64,

    /// Seconds the origin may take to begin its response
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,

    /// Name of this proxy in Via [default: made up at every start]
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Preset {
    /// The careful choice wherever RFC 9111 leaves one
    Shared,
    /// Everything RFC 9111 permits a shared cache
    Conformance,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let unusable = |error| format!("cannot listen on {}: {error}", args.listen);
    let listener = TcpListener::bind(args.listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    println!(
        "listening on http://{address}, origin http://{}",
        args.origin
    );
    let service = proxy(Options {
        origin: args.origin,
        policy: match args.preset {
            Preset::Shared => Policy::shared(),
            Preset::Conformance => Policy::conformance(),
        },
        cache: Cache::builder().max_bytes(args.max_bytes).build(),
        name: args.name.unwrap_or_else(made_up_name),
        timeout: Duration::from_secs(args.timeout),
    });
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(listener, service, stop)
        .await
        .map_err(|error| error.to_string())
}

/// Proxies that call themselves the same would take each other's requests for their own.
fn made_up_name() -> String {
    format!(
        "larder-{:016x}",
        RandomState::new().hash_one(std::process::id())
    )
}

fn parse_origin(text: &str) -> Result<Authority, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    if uri.scheme_str() != Some("http") {
        return Err("only http:// origins are supported".to_owned());
    }
    if uri.path_and_query().is_some_and(|path| path != "/") {
        return Err("an origin has no path".to_owned());
    }
    uri.authority()
        .cloned()
        .ok_or_else(|| "the host is missing".to_owned())
}
