//! Starts the shop on <http://127.0.0.1:3000>, or on the port that `PORT` names.

use std::io::Error;
use std::process::ExitCode;

use larder::Cache;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    // Findings of the cache are warnings.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter.from_env_lossy())
        .init();
    let port = match std::env::var("PORT") {
        Ok(text) => text
            .parse()
            .map_err(|_| Error::other(format!("PORT is not a port number: {text}")))?,
        Err(_) => 3000_u16,
    };
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| {
            Error::other(format!(
                "cannot listen on 127.0.0.1:{port}: {error}; choose another port with PORT="
            ))
        })?;
    let cache = Cache::builder().max_bytes(64 << 20).build();
    print!("{}", tour(&format!("http://{}", listener.local_addr()?)));
    axum::serve(listener, shop::app(&cache))
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await
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
