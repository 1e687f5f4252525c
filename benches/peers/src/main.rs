//! larder beside what one would take instead: time and allocations of a hit, handler calls for cold
//! misses, and what each of them does of what HTTP says. `--write` puts the tables in
//! benches/README.md. Fails where larder itself misses a limit that is a count, or an answer that it
//! gives.

mod by_hand;
mod contender;
mod hits;
mod misses;
mod rules;
mod shareable;
mod stand;
mod tables;
mod targets;
mod threads;

use contender::{Contender, LARDER, PEERS};
use hits::{Of, Row};
use larder_benches::Rounds;
use rules::RULES;
use tokio::runtime::{Builder, Runtime};

/// All that was found.
struct Found {
    rows: Vec<Row>,
    /// Of larder, then of each of [`PEERS`].
    calls: Vec<usize>,
    does: Vec<Vec<bool>>,
}

fn main() {
    let rounds = Rounds::from_args();
    let runtime = runtime();
    let contenders: Vec<&Contender> = [&LARDER].into_iter().chain(&PEERS).collect();
    let found = Found {
        does: rules::asked(&runtime, &contenders),
        calls: contenders
            .iter()
            .map(|contender| misses::calls(&runtime, contender))
            .collect(),
        rows: hits::measured(&runtime, &rounds),
    };
    if rounds.is_quick() {
        println!("{} cases run", found.rows.len());
    } else {
        let text = tables::written(&found);
        println!("{text}");
        if std::env::args().any(|argument| argument == "--write") {
            larder_benches::write("peers", &text).expect("the README");
        }
    }
    check(&found);
}

/// Limits that do not depend on the machine.
fn check(found: &Found) {
    let allocations = |of| found.row(of).allocations;
    for (of, most) in [
        (Of::LarderDirect, targets::ALLOCATIONS),
        (Of::Larder(contender::Place::Around), targets::ALLOCATIONS),
        (Of::Larder(contender::Place::Route), allocations(Of::Bare)),
    ] {
        let row = found.row(of);
        assert!(
            row.allocations <= most,
            "{}: {} allocations",
            row.name,
            row.allocations
        );
    }
    assert_eq!(
        found.calls[0], 1,
        "larder: handler calls for cold misses of one key"
    );
    for (rule, does) in RULES.iter().zip(&found.does[0]) {
        assert_eq!(*does, rule.by_larder, "larder: {}", rule.name);
    }
}

impl Found {
    fn row(&self, of: Of) -> &Row {
        self.rows.iter().find(|row| row.of == of).expect("a row")
    }

    /// Whether the machine had two processors free: where even two threads of the bare handler are
    /// not much faster than one, what they say of a cache is noise.
    fn had_two_processors(&self) -> bool {
        self.row(Of::Bare).apart >= 1.5
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
}

/// Lets what was spawned run, as storing is with some.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
