//! Checks that run none of the project's code.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::layers::layers;
use crate::step::{Result, available, ensure, output, step};

pub(crate) type Check = (&'static str, fn() -> Result);

/// In order of cost.
const CHECKS: [Check; 8] = [
    ("format", format),
    ("imports", imports),
    ("purity", purity),
    ("layers", layers),
    ("clippy", clippy),
    ("docs", docs),
    ("features", features),
    ("dependencies", dependencies),
];

/// All checks, or those named; `None` when a name is unknown.
pub(crate) fn named(names: &[&str]) -> Option<Vec<Check>> {
    if names.is_empty() {
        return Some(CHECKS.to_vec());
    }
    names
        .iter()
        .map(|name| CHECKS.into_iter().find(|check| check.0 == *name))
        .collect()
}

/// Stops at the first that fails.
pub(crate) fn run(checks: Vec<Check>) -> Result {
    checks.into_iter().try_for_each(|(_, check)| check())
}

fn format() -> Result {
    step("format", "cargo fmt --all --check", &[])?;
    step(
        "format of fuzz",
        "cargo fmt --manifest-path fuzz/Cargo.toml --check",
        &[],
    )
}

/// Grouping imports needs options that only a nightly rustfmt has.
fn imports() -> Result {
    if !available("cargo +nightly fmt --version") {
        println!("── imports: skipped, this machine has no nightly rustfmt");
        return Ok(());
    }
    let fmt = "cargo +nightly fmt --all --check -- --config-path rustfmt.nightly.toml";
    step("imports", fmt, &[])
}

/// The policy crate may depend on what its committed list names, and on nothing else.
fn purity() -> Result {
    const LIST: &str = "crates/larder-policy/dependencies.txt";
    const TREE: &str = "cargo tree --package larder-policy --edges normal --target all \
                        --prefix none --format {p} --locked";
    println!("── purity: {TREE}");
    let tree = output(TREE)?;
    let listed = fs::read_to_string(LIST).map_err(|error| format!("{LIST}: {error}"))?;
    // The first word of a line is a package's name, the rest its version and place.
    let name = |line: &'_ str| line.split_whitespace().next().map(str::to_owned);
    let found: BTreeSet<String> = tree.lines().filter_map(name).collect();
    let listed: BTreeSet<String> = listed.lines().filter_map(name).collect();
    if found == listed {
        println!("── purity: ok, {} packages", found.len());
        return Ok(());
    }
    let (new, gone) = (&found - &listed, &listed - &found);
    Err(format!(
        "purity: {LIST} lacks {new:?} and has {gone:?} that are gone"
    ))
}

fn clippy() -> Result {
    let workspace = "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings";
    step("clippy", workspace, &[])?;
    let fuzz = "cargo clippy --manifest-path fuzz/Cargo.toml --all-targets --locked -- -D warnings";
    step("clippy of fuzz", fuzz, &[])
}

fn docs() -> Result {
    let doc = "RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --all-features --no-deps \
               --document-private-items --locked";
    step("docs", doc, &[])
}

/// Each published crate without features, then with each of its features alone.
fn features() -> Result {
    let metadata = output("cargo metadata --no-deps --format-version=1 --locked")?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let (Some(name), Some(features)) =
            (package["name"].as_str(), package["features"].as_object())
        else {
            return Err("cargo metadata: a package without name or features".to_owned());
        };
        // `publish = false` reads as an empty list of registries.
        if !package["publish"].is_null() {
            continue;
        }
        for feature in [""].into_iter().chain(features.keys().map(String::as_str)) {
            let check = format!("cargo clippy --package {name} --no-default-features --locked");
            step(
                "features",
                &format!("{check} --features={feature} -- -D warnings"),
                &[],
            )?;
        }
    }
    Ok(())
}

/// Licences, sources, duplicates and who may depend on what. Advisories need a database from the
/// network: `cargo deny check advisories` where there is one.
fn dependencies() -> Result {
    ensure("deny", "0.20.2")?;
    let deny = "cargo deny --all-features --locked check bans licenses sources";
    step("dependencies", deny, &[])
}
