//! Three shops on one Redis: starts them, shows what they share, kills the Redis, and starts it again.
//!
//! `cargo xtask fleet` builds what it needs and runs it. Every step is a request that could be typed, and
//! has an outcome that is expected: with another one, the program fails.

mod client;
mod fleet;
mod guide;
mod tour;

use std::process::ExitCode;

use fleet::Fleet;

#[tokio::main]
async fn main() -> ExitCode {
    let toured = async {
        let fleet = Fleet::start().await?;
        tour::tour(&fleet).await
    };
    // Whichever ends first, the fleet is dropped, and with it all that it started.
    let outcome = tokio::select! {
        outcome = toured => outcome,
        _ = tokio::signal::ctrl_c() => Err("stopped".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nfleet: {error}");
            ExitCode::FAILURE
        }
    }
}
