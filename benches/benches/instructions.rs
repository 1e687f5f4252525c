//! Instructions of a hit, which do not depend on what else a machine does: `cargo xtask bench
//! instructions --help`.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use larder_benches::{first_line, machine, versions, write};

/// Instructions of a hit under callgrind: of twice as many answers less those of so many. What the same
/// takes with a service that answers with nothing, from making the request to dropping both, is
/// subtracted.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench instructions")]
struct Options {
    /// How many answers
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    answers: u64,

    /// Writes the table to benches/README.md as well
    #[arg(long)]
    write: bool,

    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    test: bool,
    #[arg(hide = true)]
    words: Vec<String>,
}

const KINDS: [(&str, &str, &str); 4] = [
    ("direct", "the layer called directly", "at most 3,500"),
    ("around", "around an axum router", ""),
    ("route", "on an axum route", ""),
    ("bare", "the bare handler on an axum route", ""),
];

fn main() -> Result<(), String> {
    let options = Options::parse();
    if !options.bench || !options.words.is_empty() {
        return Ok(());
    }
    let missing = |what: &str| {
        println!("instructions: skipped, {what}");
        Ok(())
    };
    if first_line(Command::new("valgrind").arg("--version")).is_none() {
        return missing("valgrind is missing: apt-get install valgrind, or your packages");
    }
    let Some(program) = program() else {
        return missing("build it: cargo build --release -p larder-benches --example hits");
    };
    let answers = options.answers.max(1);
    let harness = instructions(&program, "harness", answers)?;
    let mut text = run(&options);
    text += "| instructions | of a hit | with its request | target |\n|---|---:|---:|---|\n";
    for (kind, name, target) in KINDS {
        let all = instructions(&program, kind, answers)?;
        let hit = all.saturating_sub(harness);
        text += &format!("| {name} | {hit} | {all} | {target} |\n");
    }
    println!("{text}");
    if options.write {
        write("instructions", &text)?;
    }
    Ok(())
}

/// The command, the machine and the versions.
fn run(options: &Options) -> String {
    let valgrind = first_line(Command::new("valgrind").arg("--version"));
    format!(
        "`cargo xtask bench instructions --answers {}`; {}; {}, {}.\n\n",
        options.answers,
        machine(),
        versions(&["axum", "http", "moka"]),
        valgrind.unwrap_or_default(),
    )
}

/// The example, which is built in the same profile as this.
fn program() -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    let program = this.parent()?.parent()?.join("examples/hits");
    program.is_file().then_some(program)
}

/// For each answer.
fn instructions(program: &Path, kind: &str, answers: u64) -> Result<u64, String> {
    eprintln!("callgrind: {kind}");
    let some = count(program, kind, answers)?;
    let twice = count(program, kind, 2 * answers)?;
    Ok(twice.saturating_sub(some) / answers)
}

fn count(program: &Path, kind: &str, answers: u64) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = valgrind
        .arg(program)
        .args([kind, &answers.to_string()])
        .output();
    let output = output.map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, count)| count.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind: {said}"))
}
