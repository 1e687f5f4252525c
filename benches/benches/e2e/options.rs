//! The command line.

use std::net::SocketAddr;
use std::thread::available_parallelism;

use clap::Parser;

use crate::serve::Shape;

/// A hit over the loopback, HTTP/1.1 with connections that stay open, beside the bare handler and
/// other caches in front of it.
///
/// Every round runs each case once under wrk, and ratios are the medians of those within a round.
/// nginx and Varnish are left out where they are missing. Each case is asked before the first round
/// while the application behind it stands still, so that what is measured are hits.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask bench e2e")]
pub(crate) struct Options {
    /// How often each case is run
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) rounds: usize,

    /// How long each case is run in a round
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) seconds: u64,

    /// How many connections ask at the same time
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) connections: usize,

    /// Threads or workers of each server; Varnish has its own [default: half of the processors]
    #[arg(long, value_name = "N", default_value_t = half())]
    pub(crate) server_threads: usize,

    /// Threads that wrk asks with [default: the other half]
    #[arg(long, value_name = "N", default_value_t = half())]
    pub(crate) load_threads: usize,

    /// How long the body is: of several, each case is run with each in every round
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values_t = [2, 50])]
    pub(crate) kib: Vec<usize>,

    /// Writes the tables to benches/README.md as well
    #[arg(long)]
    pub(crate) write: bool,

    /// Installs wrk, nginx and Varnish where they are missing: Debian's packages, into target/servers;
    /// none is started and no root is needed
    #[arg(long)]
    install: bool,

    /// Only cases with one of these in their names; the bare handler is always one
    pub(crate) words: Vec<String>,

    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    #[arg(long, hide = true)]
    test: bool,
    #[arg(long, hide = true)]
    pub(crate) serve: Option<Shape>,
    #[arg(long, hide = true, requires = "serve")]
    pub(crate) address: Option<SocketAddr>,
    #[arg(long, hide = true, requires = "serve")]
    pub(crate) origin: Option<SocketAddr>,
}

impl Options {
    /// Whether a case is to run.
    pub(crate) fn runs(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }
}

fn half() -> usize {
    let all = available_parallelism().map_or(2, usize::from);
    (all / 2).max(1)
}
