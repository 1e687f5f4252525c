//! A hit over the loopback beside the bare handler, nginx and Varnish: `cargo xtask bench e2e
//! --help`. Without `--bench`, as `cargo test` runs it, each server of our own is asked once.

#[cfg(unix)]
mod case;
#[cfg(unix)]
mod load;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod report;
#[cfg(unix)]
mod serve;

#[cfg(unix)]
fn main() -> Result<(), String> {
    use clap::Parser;

    let mut options = options::Options::parse();
    if let (Some(shape), Some(address)) = (options.serve, options.address) {
        let kib = options.kib.first().copied().unwrap_or_default();
        let served = serve::serve(shape, address, options.origin, kib, options.server_threads);
        return served.map_err(|error| error.to_string());
    }
    if !options.bench {
        // Others may be slow to start, and are not here everywhere.
        options.words = vec!["larder".to_owned()];
    }
    if !options.words.is_empty() && !report::NAMES.iter().any(|name| options.runs(name)) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        // Ended, it drops what it has started.
        let mut ended = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(|error| error.to_string())?;
        tokio::select! {
            result = run(&options) => result,
            _ = ended.recv() => Err("ended".to_owned()),
            _ = tokio::signal::ctrl_c() => Err("ended".to_owned()),
        }
    })
}

#[cfg(unix)]
async fn run(options: &options::Options) -> Result<(), String> {
    if !options.bench {
        for cases in start(options).await {
            cases.check().await?;
            println!("e2e: {} servers answer", cases.cases.len());
        }
        return Ok(());
    }
    if !load::is_there() {
        println!("e2e: skipped, wrk is missing: cargo xtask bench e2e --install, or your packages");
        return Ok(());
    }
    let sizes = start(options).await;
    let results = measure::rounds(options, &sizes).await?;
    report::report(options, &sizes, &results)
}

/// For each length of the body.
#[cfg(unix)]
async fn start(options: &options::Options) -> Vec<case::Cases> {
    let mut sizes = Vec::new();
    for &kib in &options.kib {
        sizes.push(case::Cases::start(options, kib).await);
    }
    sizes
}

#[cfg(not(unix))]
fn main() {}
