//! What a table of measurements is printed with, and where it is written.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::available_parallelism;

/// The middle one.
///
/// # Panics
///
/// If there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Processors and system, with the load that others make.
pub fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let processors = available_parallelism().map_or(1, usize::from);
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let release = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    format!(
        "{processors} × {model}, {} {}, load {load} at the end",
        std::env::consts::OS,
        release.trim()
    )
}

/// What a command says first, on whichever channel; nothing where it is missing.
pub fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    said.lines().next().map(str::to_owned)
}

/// The compiler's version and those of crates, as the lock file has them.
pub fn versions(crates: &[&str]) -> String {
    let compiler = first_line(Command::new("rustc").arg("--version"));
    let compiler = compiler.unwrap_or_else(|| "rustc".to_owned());
    let compiler = compiler.split(" (").next().unwrap_or_default().to_owned();
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).unwrap_or_default();
    let version = |name: &str| {
        let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", after.split('"').next()?))
    };
    let found = crates.iter().filter_map(|name| version(name));
    let all: Vec<String> = [compiler].into_iter().chain(found).collect();
    all.join(", ")
}

/// Puts text in `benches/README.md` between `<!-- name -->` and `<!-- /name -->`.
///
/// # Errors
///
/// If the file or one of the two is missing.
pub fn write(name: &str, text: &str) -> Result<(), String> {
    let path = workspace().join("benches/README.md");
    let said = |error: std::io::Error| format!("{}: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(said)?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("{} has no {begin}", path.display());
    let (before, rest) = old.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    fs::write(
        &path,
        format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()),
    )
    .map_err(said)
}

/// Cargo says at run time where we are: one build may serve several checkouts.
fn workspace() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_default();
    let root = package
        .ancestors()
        .find(|at| at.join("Cargo.lock").is_file());
    root.map_or_else(|| PathBuf::from("."), PathBuf::from)
}
