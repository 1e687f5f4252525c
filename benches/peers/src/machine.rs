//! What the figures are of: the machine and the versions.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// One line about the machine, as far as it tells.
pub(crate) fn line() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("a processor", |part| part.1);
    let count = available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let compiler = compiler.unwrap_or_default();
    let release = compiler
        .split(' ')
        .nth(1)
        .unwrap_or("of some version")
        .to_owned();
    let clock = if std::env::args().any(|argument| argument == "--cpu") {
        "time that the thread had a processor"
    } else {
        "time that passed"
    };
    format!("{clock}; {count} cores of {model}, load {load} at the end; Rust {release}")
}

/// Of a package, as the lock file of the workspace has it.
pub(crate) fn version(package: &str) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
    let lock = fs::read_to_string(file).expect("the lock file");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = lock.split_once(&entry).expect("a locked package");
    let (version, _) = rest.split_once('"').expect("a version");
    version.to_owned()
}
