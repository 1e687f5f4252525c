//! What a start looks at.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};

use crate::address::Address;
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::dial::{ask, refused};
use crate::plan::Plan;
use crate::reply::plain;

/// Whether the server can be what is wanted of it.
pub(crate) async fn check(plan: &Plan) -> Result<(), ConnectError> {
    let (mut line, address) = plan.place.dial(&plan.dialler).await?;
    let connection = &mut line.connection;
    let checking = async {
        let info = ask(connection, &address, &redis::cmd("INFO")).await?;
        let info = Info::of(info);
        info.check(&address, plan)?;
        commands(connection, &address, plan).await
    };
    match tokio::time::timeout(plan.dialler.limit, checking).await {
        Ok(checked) => checked,
        Err(_) => Err(ConnectError::new(
            ConnectErrorKind::Unreachable,
            format!("the server at {address} stopped answering"),
        )),
    }
}

/// What the server tells of itself; empty if it does not.
struct Info(HashMap<String, String>);

impl Info {
    fn of(answer: Value) -> Self {
        let text = match answer {
            Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => String::new(),
        };
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Self(
            lines
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        )
    }

    fn says(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn check(&self, address: &Address, plan: &Plan) -> Result<(), ConnectError> {
        use ConnectErrorKind as Kind;
        let version = self.says("redis_version");
        let major = version.split('.').next().unwrap_or_default().parse::<u32>();
        if major.is_ok_and(|major| major < 5) {
            return Err(ConnectError::new(Kind::Version, too_old(address, version)));
        }
        // Valkey calls it so.
        let mode = match self.says("server_mode") {
            "" => self.says("redis_mode"),
            mode => mode,
        };
        match mode {
            "sentinel" => {
                return Err(ConnectError::new(
                    Kind::Mode,
                    format!(
                        "at {address} is a sentinel and no store: use `RedisTier::sentinel` with it, and the name of a master"
                    ),
                ));
            }
            "cluster" if !plan.place.is_cluster() => {
                return Err(ConnectError::new(
                    Kind::Mode,
                    format!(
                        "the server at {address} belongs to a cluster: use `RedisTier::cluster`"
                    ),
                ));
            }
            _ => {}
        }
        if self.says("role") == "slave" {
            return Err(read_only(address));
        }
        let policy = self.says("maxmemory_policy");
        if policy.starts_with("allkeys") && !plan.allow_eviction {
            return Err(ConnectError::new(
                Kind::Eviction,
                format!(
                    "the server at {address} drops any key when its memory is full (maxmemory-policy {policy}), and so the log of purges: \
                     set it to volatile-lru or volatile-lfu (responses all expire, the log does not), or take it as it is (`allow_eviction`)"
                ),
            ));
        }
        Ok(())
    }
}

fn too_old(address: &Address, version: &str) -> String {
    format!(
        "the server at {address} has no streams (version {version}): it is to be Redis 5 or Valkey 7.2 at least"
    )
}

fn read_only(address: &Address) -> ConnectError {
    ConnectError::new(
        ConnectErrorKind::ReadOnly,
        format!(
            "the server at {address} is a replica, and nothing can be written to it: use its master's address, or `RedisTier::sentinel`"
        ),
    )
}

/// Runs each command that the tier needs.
async fn commands(
    connection: &mut MultiplexedConnection,
    address: &Address,
    plan: &Plan,
) -> Result<(), ConnectError> {
    let mut forbidden = Vec::new();
    for cmd in trials(&plan.keys.check) {
        let name = cmd.args_iter().next();
        let name = match name {
            Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).to_lowercase(),
            _ => String::new(),
        };
        let Value::ServerError(error) = ask(connection, address, &cmd).await? else {
            continue;
        };
        let text = plain(&error);
        match error.code() {
            "NOPERM" => forbidden.push((name, text)),
            "READONLY" => return Err(read_only(address)),
            "MOVED" | "ASK" if !plan.place.is_cluster() => {
                return Err(ConnectError::new(
                    ConnectErrorKind::Mode,
                    format!(
                        "the server at {address} belongs to a cluster: use `RedisTier::cluster`"
                    ),
                ));
            }
            // It may be empty later.
            "OOM" => {
                tracing::warn!(target: "larder::redis", place = %address, "the server's memory is full: nothing can be stored there now");
            }
            "ERR" if name == "xadd" && text.contains("unknown command") => {
                return Err(ConnectError::new(
                    ConnectErrorKind::Version,
                    too_old(address, "before 5"),
                ));
            }
            "ERR" if text.contains("unknown command") => forbidden.push((name, text)),
            "ERR" | "NOSCRIPT" => {}
            _ => return Err(refused(address, plan.place.login(), &error)),
        }
    }
    if forbidden.is_empty() {
        return Ok(());
    }
    Err(may_not(address, plan, &forbidden))
}

fn may_not(address: &Address, plan: &Plan, forbidden: &[(String, String)]) -> ConnectError {
    let login = plan.place.login();
    let user = login.user.as_deref().unwrap_or("default");
    let pattern = plan.keys.check.trim_end_matches("{log}:c");
    let names: Vec<&str> = forbidden.iter().map(|(name, _)| name.as_str()).collect();
    let is_keys = forbidden.iter().all(|(_, text)| text.contains("key"));
    let what = if is_keys {
        format!("may not use keys that begin with {pattern:?} (ACL SETUSER {user} ~{pattern}*)")
    } else {
        let grants: Vec<String> = names.iter().map(|name| format!("+{name}")).collect();
        format!(
            "may not run {} (ACL SETUSER {user} {})",
            names.join(", "),
            grants.join(" ")
        )
    };
    ConnectError::new(
        ConnectErrorKind::Permission,
        format!("the user `{user}` of the server at {address} {what}"),
    )
}

/// Each command once, on a key that goes.
fn trials(key: &str) -> Vec<Cmd> {
    let cmd = |parts: &[&str]| {
        let mut cmd = Cmd::new();
        for part in parts {
            cmd.arg(*part);
        }
        cmd
    };
    let stream = format!("{key}s");
    let hash = format!("{key}h");
    vec![
        cmd(&["SET", key, "1", "PX", "10000"]),
        cmd(&["GET", key]),
        cmd(&["GETRANGE", key, "0", "1"]),
        cmd(&["PTTL", key]),
        cmd(&["PEXPIRE", key, "10000"]),
        cmd(&["EXISTS", key]),
        cmd(&["TYPE", key]),
        cmd(&["TIME"]),
        cmd(&["XADD", &stream, "MAXLEN", "~", "10", "*", "d", "1"]),
        cmd(&["PEXPIRE", &stream, "10000"]),
        cmd(&["XREAD", "COUNT", "1", "STREAMS", &stream, "0-0"]),
        cmd(&["XRANGE", &stream, "0-1", "0-1", "COUNT", "1"]),
        cmd(&["XINFO", "STREAM", &stream]),
        cmd(&["HSET", &hash, "n", "1"]),
        cmd(&["PEXPIRE", &hash, "10000"]),
        cmd(&["HGETALL", &hash]),
        cmd(&["HDEL", &hash, "n"]),
        cmd(&["EVAL", "return redis.call('GET', KEYS[1])", "1", key]),
        cmd(&["EVALSHA", &"0".repeat(40), "1", key]),
        cmd(&["UNLINK", key, &stream, &hash]),
        cmd(&["PING"]),
    ]
}
