use std::process::{Command, Output};

use tempfile::TempDir;

const TEST: &str = "redis::a_durable_server_comes_back_with_all_it_had";

/// A test of these, on a machine without servers.
fn poor(workspace: &TempDir) -> Command {
    std::fs::write(workspace.path().join("Cargo.lock"), "").unwrap();
    std::fs::create_dir_all(workspace.path().join("target/servers")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]);
    command.env("CARGO_MANIFEST_DIR", workspace.path().join("servers"));
    command.env("PATH", workspace.path());
    let variables = [
        "CI",
        "REQUIRE_SERVERS",
        "REDIS_BIN",
        "REDIS_62_BIN",
        "VALKEY_BIN",
    ];
    for variable in variables {
        command
            .env_remove(variable)
            .env_remove(format!("LARDER_{variable}"));
    }
    command
}

fn said(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn a_test_that_misses_a_server_says_so_and_is_counted() {
    let workspace = tempfile::tempdir().unwrap();
    let output = poor(&workspace).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let counted = std::fs::read_to_string(workspace.path().join("target/servers/skipped"));
    let counted = counted.unwrap();
    assert_eq!(
        counted.lines().collect::<Vec<_>>(),
        [
            "SKIPPED: redis-server is missing; run cargo xtask test",
            "SKIPPED: redis-server-6.2 is missing; run cargo xtask test",
            "SKIPPED: valkey-server is missing; run cargo xtask test",
        ]
    );
    assert!(counted.lines().all(|line| said.contains(line)), "{said}");
}

#[test]
fn a_test_that_misses_a_server_fails_where_it_counts() {
    for variable in ["CI", "LARDER_REQUIRE_SERVERS"] {
        let workspace = tempfile::tempdir().unwrap();
        let output = poor(&workspace).env(variable, "true").output().unwrap();
        let said = said(&output);
        assert!(!output.status.success(), "{said}");
        assert!(
            said.contains("redis-server is missing; run cargo xtask test"),
            "{said}"
        );
    }
}

#[test]
fn a_variable_names_a_server() {
    let workspace = tempfile::tempdir().unwrap();
    let wrong = workspace.path().join("no-such-server");
    let output = poor(&workspace)
        .env("LARDER_REDIS_BIN", &wrong)
        .output()
        .unwrap();
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("no-such-server"), "{said}");
}
