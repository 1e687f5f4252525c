//! Tasks that run the project's code: tests, benches, fuzz targets, the tour of a fleet.

use std::{env, fs};

use crate::step::{Result, ensure, step};
use crate::{peers, servers};

/// Everything nextest finds, then the doctests, which it does not run. Names select from both;
/// options such as `-E` are nextest's, and then it runs alone.
pub(crate) fn test(filters: &[&str]) -> Result {
    ensure("nextest", "0.9.143")?;
    servers::ensure()?;
    let result = tests(filters);
    servers::report();
    result
}

fn tests(filters: &[&str]) -> Result {
    let options = filters.iter().any(|filter| filter.starts_with('-'));
    let mut tests = "cargo nextest run --workspace --all-features --locked".to_owned();
    if env::var_os("CI").is_some() {
        tests.push_str(" --profile ci");
    }
    if !filters.is_empty() && !options {
        // The name may be that of a doctest.
        tests.push_str(" --no-tests=warn");
    }
    step("tests", &tests, filters)?;
    if options {
        return Ok(());
    }
    // The model includes files of the core, whose examples name the core.
    let doctests = "cargo test --workspace --exclude larder-model --exclude larder-fleet-model --all-features --doc --locked --";
    step("doctests", doctests, filters)
}

/// Measures in the release profile: everything, or the target of this name. What the peers bring along
/// stays out of the other benches.
pub(crate) fn bench(name: Option<&str>) -> Result {
    let of = |package: &str, selection: &str, name: &[&str]| {
        let line = format!("cargo bench --package {package} --locked {selection}");
        step("bench", &line, name)
    };
    match name {
        None => {
            for package in ["larder-benches", "larder-engines", "larder-peers"] {
                of(package, "--benches", &[])?;
            }
            Ok(())
        }
        Some("engines") => of("larder-engines", "--bench", &["engines"]),
        Some("peers") => of("larder-peers", "--bench", &["peers"]),
        Some(name) => of("larder-benches", "--bench", &[name]),
    }
}

/// A hit over the loopback beside other caches. They are installed where the options ask for it.
pub(crate) fn end_to_end(options: &[&str]) -> Result {
    if options.contains(&"--install") {
        peers::install()?;
    }
    let bench = "cargo bench --package larder-benches --locked --bench e2e --";
    step("bench", bench, options)
}

/// Instructions of a hit, those of an example.
pub(crate) fn instructions(options: &[&str]) -> Result {
    let build = "cargo build --release --package larder-benches --example hits --locked";
    step("build", build, &[])?;
    let bench = "cargo bench --package larder-benches --locked --bench instructions --";
    step("bench", bench, options)
}

/// Three shops on one Redis, which is killed on the way. Fails where they do what they should not.
pub(crate) fn fleet() -> Result {
    servers::ensure()?;
    let build = "cargo build --package shop --bin shop --example fleet --locked";
    step("build", build, &[])?;
    let run = "cargo run --quiet --package shop --example fleet --locked";
    step("fleet", run, &[])
}

/// Runs each fuzz target for some seconds. What it finds interesting goes to a build folder, not
/// among the committed seeds; an input that fails stays in `fuzz/artifacts`.
pub(crate) fn fuzz(seconds: u32) -> Result {
    ensure("fuzz", "0.13.2")?;
    for target in fuzz_targets()? {
        let found = format!("fuzz/target/corpus/{target}");
        let seeds = format!("fuzz/corpus/{target}");
        fs::create_dir_all(&found).map_err(|error| format!("{found}: {error}"))?;
        // The sanitizers' flags are unstable; the variable lets the stable compiler take them.
        let fuzz = "RUSTC_BOOTSTRAP=1 cargo fuzz run --features libfuzzer";
        let limit = format!("-max_total_time={seconds} -print_final_stats=1");
        // A line for each finding is progress to somebody who watches, and noise in a log.
        let quiet = env::var_os("CI").map_or("", |_| "-verbosity=0");
        let fuzz = format!("{fuzz} {target} {found} {seeds} -- {limit} {quiet}");
        step(&format!("fuzz {target}"), &fuzz, &[])?;
    }
    Ok(())
}

fn fuzz_targets() -> Result<Vec<String>> {
    let folder = fs::read_dir("fuzz/fuzz_targets").map_err(|error| format!("fuzz: {error}"))?;
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut targets: Vec<String> = folder
        .flatten()
        .filter_map(|file| stem(file.path()))
        .collect();
    targets.sort();
    Ok(targets)
}
