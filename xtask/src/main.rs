//! `cargo xtask`: runs the tests, the lints, the benches and the fuzz targets, and installs what a
//! machine lacks for them.

mod layers;
mod lint;
mod peers;
mod run;
mod servers;
mod step;

use std::env;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  test [filter]...    unit, integration and doc tests: all, those that match, or nextest's options
  lint [name]...      format imports purity layers clippy docs features dependencies: all, or those named
  bench [name]        every bench target, or the one named
  bench e2e           over the loopback beside nginx and Varnish; --install, --write, --help
  bench instructions  instructions of a hit; --write, --help
  servers             installs the servers that tests talk to, as `test` does at its start
  fleet               three shops on one Redis: what they share, and what happens without it
  fuzz [seconds]      every fuzz target, each for so many seconds (20)";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Cargo says at run time where we are: one build may serve several checkouts.
    let root = env::var_os("CARGO_MANIFEST_DIR").map(|folder| Path::new(&folder).join(".."));
    if root.is_none_or(|root| env::set_current_dir(root).is_err()) {
        eprintln!("xtask: not in a workspace; run it as `cargo xtask`");
        return ExitCode::FAILURE;
    }
    match dispatch(&arguments) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(failure)) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// `None`: the arguments name no task.
fn dispatch(arguments: &[&str]) -> Option<step::Result> {
    match arguments {
        ["test", filters @ ..] => Some(run::test(filters)),
        ["lint", names @ ..] => lint::named(names).map(lint::run),
        ["bench"] => Some(run::bench(None)),
        ["bench", "e2e", options @ ..] => Some(run::end_to_end(options)),
        ["bench", "instructions", options @ ..] => Some(run::instructions(options)),
        ["bench", name] => Some(run::bench(Some(name))),
        ["servers"] => Some(servers::ensure()),
        ["fleet"] => Some(run::fleet()),
        ["fuzz"] => Some(run::fuzz(20)),
        ["fuzz", seconds] => seconds.parse().ok().map(run::fuzz),
        ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            Some(Ok(()))
        }
        _ => None,
    }
}
