//! One step: a command with its name, its output as it comes, and its time.

use std::process::{Command, Stdio};
use std::time::Instant;

/// A failure is what to tell the user.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// Runs a command to its end. `line` is split at spaces and may begin with `NAME=value`; `last` is
/// passed as it is. The output goes straight to ours, so long steps show their progress.
pub(crate) fn step(name: &str, line: &str, last: &[&str]) -> Result {
    println!("── {name}: {line} {}", last.join(" "));
    let start = Instant::now();
    let status = command(line)
        .args(last)
        .status()
        .map_err(|error| format!("{line}: {error}"))?;
    let seconds = start.elapsed().as_secs_f32();
    if status.success() {
        println!("── {name}: ok, {seconds:.1} s");
        Ok(())
    } else {
        Err(format!("{name} failed after {seconds:.1} s, {status}"))
    }
}

/// What a command writes to its standard output.
pub(crate) fn output(line: &str) -> Result<String> {
    let output = command(line).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{line}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{line}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{line}: {error}"))
}

/// Installs a cargo subcommand in Cargo's own folder. One that is there already is used, whatever
/// its version.
pub(crate) fn ensure(subcommand: &str, version: &str) -> Result {
    if available(&format!("cargo {subcommand} --version")) {
        return Ok(());
    }
    let install = format!("cargo install --locked cargo-{subcommand} --version {version}");
    step(&format!("install cargo-{subcommand}"), &install, &[])
}

/// Whether a command runs and succeeds; nothing is printed.
pub(crate) fn available(line: &str) -> bool {
    let status = command(line)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn command(line: &str) -> Command {
    let mut words = line.split_whitespace().peekable();
    let mut variables = Vec::new();
    while let Some(variable) = words.peek().and_then(|word| word.split_once('=')) {
        variables.push(variable);
        words.next();
    }
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).envs(variables);
    command
}
