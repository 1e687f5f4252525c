//! What a bench compares with: installs what a machine lacks, as for tests.

use std::env;
use std::path::{Path, PathBuf};

use crate::servers;
use crate::step::Result;

/// A program, the variable that names another to use, its packages, and its path in them.
const PROGRAMS: [(&str, &str, &[&str], &str); 3] = [
    ("wrk", "LARDER_WRK_BIN", &["wrk"], "usr/bin/wrk"),
    ("nginx", "LARDER_NGINX_BIN", &["nginx"], "usr/sbin/nginx"),
    (
        "varnishd",
        "LARDER_VARNISH_BIN",
        &["varnish"],
        "usr/sbin/varnishd",
    ),
];

/// Installs those that are missing. Where one cannot be, says so: the bench goes on without it.
pub(crate) fn install() -> Result {
    for (name, variable, packages, program) in PROGRAMS {
        if env::var_os(variable).is_some() || is_there(name) {
            continue;
        }
        if let Err(failure) = servers::install(name, packages, program) {
            println!("── peers: {name} cannot be installed: {failure}");
        }
    }
    Ok(())
}

/// Where the package `larder-servers` looks for it.
fn is_there(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = Path::new(servers::FOLDER).join("bin");
    let others: [PathBuf; 2] = [installed, "/usr/sbin".into()];
    let mut folders = env::split_paths(&path).chain(others);
    folders.any(|folder| folder.join(name).is_file())
}
