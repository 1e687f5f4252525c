//! Where the servers' binaries are, and what to do where they are not.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `memcached`.
    Memcached,
    /// `nginx`, which only a bench needs.
    Nginx,
    /// `redis-server`.
    Redis,
    /// `redis-server-6.2`, an old version; tests are skipped without it even where `CI` is set.
    Redis62,
    /// `valkey-server`.
    Valkey,
    /// `varnishd`, which only a bench needs.
    Varnish,
    /// `wrk`, a load generator, which only a bench needs.
    Wrk,
}

/// Whether this machine has the program.
#[must_use]
pub fn available(kind: Kind) -> bool {
    Binary::find(kind).is_some()
}

/// A command that runs the program where this machine has it.
#[must_use]
pub fn command(kind: Kind) -> Option<Command> {
    let binary = Binary::find(kind)?;
    let mut command = Command::new(&binary.path);
    command.envs(binary.environment());
    Some(command)
}

/// A program that was found.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// Where the libraries are that it was installed with.
    pub(crate) libraries: Option<PathBuf>,
}

impl Binary {
    /// # Panics
    ///
    /// If it is missing.
    pub(crate) fn get(kind: Kind) -> Self {
        Self::find(kind).unwrap_or_else(|| panic!("{}", missing(kind)))
    }

    /// `None`, with a visible line, if it is missing and tests may do without.
    ///
    /// # Panics
    ///
    /// If it is missing and tests may not do without.
    pub(crate) fn get_or_skip(kind: Kind) -> Option<Self> {
        let found = Self::find(kind);
        if found.is_none() {
            assert!(!required(kind), "{}", missing(kind));
            skip(kind);
        }
        found
    }

    pub(crate) fn find(kind: Kind) -> Option<Self> {
        Self::named(kind.program(), kind.variable())
    }

    pub(crate) fn named(program: &str, variable: &str) -> Option<Self> {
        let alone = |path| Self {
            path,
            libraries: None,
        };
        if let Some(path) = env::var_os(variable) {
            return Some(alone(path.into()));
        }
        if let Some(folder) = installed() {
            let path = folder.join("bin").join(program);
            if path.is_file() {
                let libraries = folder.join("lib");
                let libraries = libraries.is_dir().then_some(libraries);
                return Some(Self { path, libraries });
            }
        }
        let path = env::var_os("PATH")?;
        // Where servers are on most systems, and which only root's path names.
        let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
        let mut paths = folders.map(|folder| folder.join(program));
        paths.find(|path| path.is_file()).map(alone)
    }

    /// The variable that makes the loader find the libraries, with its value.
    pub(crate) fn environment(&self) -> Option<(&'static str, OsString)> {
        const NAME: &str = "LD_LIBRARY_PATH";
        let libraries = self.libraries.clone()?;
        let others = env::var_os(NAME).unwrap_or_default();
        let all = [libraries].into_iter().chain(env::split_paths(&others));
        Some((NAME, env::join_paths(all).ok()?))
    }
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Memcached => "memcached",
            Self::Nginx => "nginx",
            Self::Redis => "redis-server",
            Self::Redis62 => "redis-server-6.2",
            Self::Valkey => "valkey-server",
            Self::Varnish => "varnishd",
            Self::Wrk => "wrk",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Memcached => "LARDER_MEMCACHED_BIN",
            Self::Nginx => "LARDER_NGINX_BIN",
            Self::Redis => "LARDER_REDIS_BIN",
            Self::Redis62 => "LARDER_REDIS_62_BIN",
            Self::Valkey => "LARDER_VALKEY_BIN",
            Self::Varnish => "LARDER_VARNISH_BIN",
            Self::Wrk => "LARDER_WRK_BIN",
        }
    }
}

fn missing(kind: Kind) -> String {
    format!("{} is missing; run cargo xtask test", kind.program())
}

/// The old version is an extra, which exists for few systems.
fn required(kind: Kind) -> bool {
    let set = |name| env::var_os(name).is_some();
    kind != Kind::Redis62 && (set("CI") || set("LARDER_REQUIRE_SERVERS"))
}

/// Says it where somebody looks, and adds a line to what `cargo xtask test` counts: test runners
/// do not show what a test wrote that passed.
fn skip(kind: Kind) {
    let line = format!("SKIPPED: {}\n", missing(kind));
    eprint!("{line}");
    let Some(folder) = installed() else {
        return;
    };
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("skipped"));
    // Where it cannot be counted it has been said.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// The workspace's `target/servers`, if there is one. The workspace is the one of the package that
/// is tested: one build may serve several checkouts.
fn installed() -> Option<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.or_else(|| env::current_dir().ok())?;
    let is_workspace = |folder: &&Path| folder.join("Cargo.lock").is_file();
    let workspace = package.ancestors().find(is_workspace)?;
    let folder = workspace.join("target/servers");
    folder.is_dir().then_some(folder)
}
