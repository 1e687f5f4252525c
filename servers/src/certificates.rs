//! Certificates of a server, made when it is started.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binaries::Binary;

/// Of the configuration file of a server that is started in the folder.
pub(crate) const LINES: [&str; 4] = [
    "tls-cert-file server.crt",
    "tls-key-file server.key",
    "tls-ca-cert-file ca.crt",
    "tls-auth-clients no",
];

/// Makes an authority and a server's certificate in a folder.
///
/// # Panics
///
/// Without `openssl`.
pub(crate) fn make(folder: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config tls.conf";
    fs::write(folder.join("tls.conf"), CONFIGURATION).expect("no configuration file");
    let authority = format!("req -x509 {KEY} -extensions authority -days 2");
    openssl(folder, &format!("{authority} -keyout ca.key -out ca.crt"));
    let request = format!("req -new {KEY} -subj /CN=localhost");
    openssl(
        folder,
        &format!("{request} -keyout server.key -out server.csr"),
    );
    let sign = "x509 -req -CA ca.crt -CAkey ca.key -set_serial 1 -days 2";
    let extensions = "-extfile tls.conf -extensions server";
    openssl(
        folder,
        &format!("{sign} {extensions} -in server.csr -out server.crt"),
    );
}

/// Of a folder in which [`make`] made certificates.
pub(crate) fn authority(folder: &Path) -> String {
    fs::read_to_string(folder.join("ca.crt")).expect("no certificate")
}

fn openssl(folder: &Path, arguments: &str) {
    let output = program()
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output();
    let output = output.expect("openssl does not run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
}

fn program() -> Command {
    let binary = Binary::named("openssl", "LARDER_OPENSSL_BIN");
    let binary = binary.expect("openssl is missing; run cargo xtask test");
    let mut command = Command::new(&binary.path);
    command.envs(binary.environment());
    command
}

const CONFIGURATION: &str = "\
[req]
prompt = no
distinguished_name = name
[name]
CN = larder tests
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
";

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::program;
    use crate::redis::Redis;

    #[tokio::test]
    async fn an_encrypted_server_shows_a_certificate_that_its_authority_signed() {
        let options = Redis::options().tls().password("secret");
        let (Some(server), Some(other)) = (
            options.clone().start_or_skip().await,
            options.start_or_skip().await,
        ) else {
            return;
        };
        assert!(
            server
                .url()
                .starts_with("rediss://default:secret@127.0.0.1:")
        );
        assert_eq!(server.command(&["PING"]).await, "PONG");
        assert!(trusts(&server, &server));
        assert!(!trusts(&server, &other));
    }

    /// Whether who trusts one server's authority trusts the other server.
    fn trusts(server: &Redis, whose: &Redis) -> bool {
        let authority = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&authority, whose.authority()).unwrap();
        let output = program()
            .args([
                "s_client",
                "-verify_return_error",
                "-verify_ip",
                "127.0.0.1",
            ])
            .args(["-connect", &server.addr().to_string(), "-CAfile"])
            .arg(authority.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        output.status.success() && said.contains("Verify return code: 0 (ok)")
    }
}
