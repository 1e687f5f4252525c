//! A process and all that it has started, as Linux shows them.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// One process.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: u32,
    parent: u32,
    /// The processor time it has had, in user and in system mode.
    time: Duration,
}

/// A process and its descendants; empty where there is no `/proc`.
pub(crate) fn of(id: u32) -> Vec<Member> {
    let mut others = all();
    let mut family: Vec<Member> = Vec::new();
    // What belongs to it, then what belongs to those, and so on.
    loop {
        let belongs = |member: &Member| {
            member.id == id || family.iter().any(|parent| parent.id == member.parent)
        };
        let (found, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(belongs);
        if found.is_empty() {
            return family;
        }
        family.extend(found);
        others = rest;
    }
}

/// The processor time of a process and its descendants, those apart that have ended.
pub(crate) fn time_of(id: u32) -> Duration {
    of(id).iter().map(|member| member.time).sum()
}

fn all() -> Vec<Member> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(read).collect()
}

fn read(id: u32) -> Option<Member> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name comes before, in brackets; it may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)?;
    let second = clock_ticks_per_second() as f64;
    Some(Member {
        id,
        parent: u32::try_from(number(1)?).ok()?,
        time: Duration::from_secs_f64(ticks as f64 / second),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_of_a_child_belongs_to_the_family() {
        let mut child = Command::new("sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        while of(child.id()).len() < 2 {
            std::thread::yield_now();
        }
        drop(child.stdin.take());
        child.wait().expect("the shell ends");
        assert!(of(child.id()).is_empty());
    }

    #[test]
    fn time_passes_for_whoever_works() {
        let id = std::process::id();
        let start = time_of(id);
        while time_of(id) == start {}
        assert!(time_of(id) > start);
    }
}
