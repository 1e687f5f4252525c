//! Starts the shop on <http://127.0.0.1:3000>, alone or as one of several that share a store.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use larder::Cache;
use larder_memcached::MemcachedTier;
use larder_redis::RedisTier;
use shop::Catalogue;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A small API answered from cache, route by route.
///
/// Log level: RUST_LOG, such as RUST_LOG=larder=debug (default: warn).
#[derive(Debug, Parser)]
#[command(version, name = "shop")]
struct Args {
    /// Address and port to listen on [default: 127.0.0.1, at the port in PORT, or 3000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Share what is stored, and what is purged, with other shops on this Redis or Valkey, such as
    /// redis://127.0.0.1:6379
    #[arg(long, value_name = "URL", conflicts_with = "memcached")]
    redis: Option<String>,

    /// The same on Memcached; may be given for each of several servers
    #[arg(long, value_name = "HOST:PORT")]
    memcached: Vec<String>,

    /// Keep prices in this file, for all shops that name it: instead of a database
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Args) -> Result<()> {
    // Findings of the cache are warnings.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter.from_env_lossy())
        .init();
    let listener = listen(args.listen).await?;
    let cache = cache(args.redis, args.memcached).await?;
    let prices = args.prices.map(Catalogue::in_file).transpose()?;
    let app = shop::app_of(&cache, &Arc::new(prices.unwrap_or_default()));
    print!("{}", tour(&format!("http://{}", listener.local_addr()?)));
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await
}

async fn listen(address: Option<SocketAddr>) -> Result<TcpListener> {
    let (address, other) = match address {
        Some(address) => (address, "another address with --listen"),
        None => (
            (Ipv4Addr::LOCALHOST, port()?).into(),
            "another port with PORT=",
        ),
    };
    TcpListener::bind(address).await.map_err(|error| {
        Error::other(format!(
            "cannot listen on {address}: {error}; choose {other}"
        ))
    })
}

fn port() -> Result<u16> {
    let Ok(text) = std::env::var("PORT") else {
        return Ok(3000);
    };
    text.parse()
        .map_err(|_| Error::other(format!("PORT is not a port number: {text}")))
}

/// What a store says that cannot be used is printed as it is: it names what to change.
async fn cache(redis: Option<String>, memcached: Vec<String>) -> Result<Cache> {
    let builder = Cache::builder().max_bytes(64 << 20);
    if let Some(url) = redis {
        let tier = RedisTier::connect(url).await.map_err(Error::other)?;
        return Ok(joined(builder.shared(tier).build()).await);
    }
    if !memcached.is_empty() {
        let tier = MemcachedTier::connect(memcached).await;
        return Ok(joined(builder.shared(tier.map_err(Error::other)?).build()).await);
    }
    Ok(builder.build())
}

/// Until it knows what the others have purged a node neither uses the store nor fills it: it is better
/// asked once it does. But it must not wait for ever.
async fn joined(cache: Cache) -> Cache {
    let begun = Instant::now();
    while !cache.is_joined() && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    cache
}

fn tour(url: &str) -> String {
    format!(
        "shop is open at {url}; try each line twice and read Cache-Status:

  curl -i {url}/news           the handler's own Cache-Control is obeyed
  curl -i {url}/products/42    an annotated route; clients are told max-age=5
  curl -i -X PUT {url}/products/42 --json '{{\"cents\":9900}}'   … and what it stored is dropped
  curl -i {url}/products       so is the list of all
  curl -i {url}/catalogue      after two seconds: validated with its ETag
  curl -i {url}/report         slow once, then instant; stale after ten seconds, and still instant
  curl -s -D- -o/dev/null {url}/export    streamed, too large to keep
  curl -i {url}/basket         says no-store: never kept
  curl -i {url}/blog/posts     cached because its router is
  curl -i {url}/blog/drafts    opted out of its router's cache

  curl -i '{url}/welcome?utm_source=mail' -H 'Accept-Language: de-AT, en;q=0.5'   one of three languages
  curl -i {url}/checkout -H 'Cookie: beta=1'     a feature flag is part of the key
  curl -i '{url}/search?q=shoes&page=2&x=7'      two parameters count

  curl -i -c alice {url}/login --json '{{\"user\":\"alice\"}}'   logs in; so can bob, carol and mallory
  curl -i -b alice {url}/me           a copy for each user, and none for nobody
  curl -i -b alice '{url}/me/orders?page=1'
  curl -i -b alice {url}/me/basket    tagged by its handler: an edited product drops the baskets it is in
  curl -i -b carol {url}/purge --json '{{\"tag\":\"product:42\",\"soft\":true}}'   carol is an admin
  curl -i -b alice {url}/prices       a copy for each tenant
  curl -i -b alice {url}/dashboard    a copy for each set of roles
  curl -i -b alice -X POST {url}/logout    … and what was kept for alice is dropped

  curl -i -b alice {url}/broken/greeting   wrong on purpose: shared, although it greets who asks
  curl -i -b alice {url}/broken/offers     likewise, in a way that the cache cannot see through
  curl -i {url}/broken/visit               wrong on purpose: sets a cookie
  curl -i -b alice {url}/broken/badge      what says who asks in a neutral field: the tripwire finds it
  curl -i {url}/broken/gallery -H 'Save-Data: on'   after one without it: a checked hit names the field
  for n in {{1..25}}; do curl -si -A b/$n {url}/broken/download; done   a copy for each browser: too many

Ctrl-C stops it. RUST_LOG=larder=debug shows every decision.
"
    )
}
