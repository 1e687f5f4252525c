//! [`Dialler`]: opens a connection to one server.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, ServerError, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::address::{Address, Login};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::reply::plain;

/// Opens connections.
#[derive(Debug, Clone)]
pub(crate) struct Dialler {
    /// Most time that a connection may take until it can be used.
    pub(crate) limit: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
}

/// A connection, and the task that carries it.
pub(crate) struct Line {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) driver: Driver,
}

/// Ends with the connection; the connection ends when this is dropped.
pub(crate) struct Driver(pub(crate) JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dialler {
    /// A connection that can be used: who asks is known, the database is chosen, the server answers.
    pub(crate) async fn dial(&self, address: &Address, login: &Login) -> Result<Line, ConnectError> {
        let dialling = async {
            let mut line = self.open(address).await?;
            greet(&mut line.connection, address, login).await?;
            Ok(line)
        };
        match timeout(self.limit, dialling).await {
            Ok(line) => line,
            Err(_) => Err(unreachable(
                address,
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {:?}", self.limit),
                ),
            )),
        }
    }

    async fn open(&self, address: &Address) -> Result<Line, ConnectError> {
        match address {
            Address::Tcp {
                host,
                port,
                is_encrypted,
            } => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .map_err(|error| unreachable(address, error))?;
                stream
                    .set_nodelay(true)
                    .map_err(|error| unreachable(address, error))?;
                if !is_encrypted {
                    return carry(address, stream).await;
                }
                #[cfg(feature = "tls")]
                if let Some(tls) = &self.tls {
                    return carry(address, tls.encrypt(address, host, stream).await?).await;
                }
                Err(ConnectError::new(
                    ConnectErrorKind::Tls,
                    "TLS needs the feature `tls` of larder-redis, and rediss:// in the URL",
                ))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path)
                    .await
                    .map_err(|error| unreachable(address, error))?;
                carry(address, stream).await
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(unreachable(
                address,
                io::Error::from(io::ErrorKind::Unsupported),
            )),
        }
    }
}

async fn carry<S>(address: &Address, stream: S) -> Result<Line, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Whoever asks limits the time; and requests that wait for a place in the queue are not failures.
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE)
        .set_write_backpressure_boundary(WRITE_AT_ONCE);
    let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
    let (connection, driver) =
        MultiplexedConnection::new_with_config(&nobody, stream, settings)
            .await
            .map_err(|error| unreachable(address, error))?;
    Ok(Line {
        connection,
        driver: Driver(tokio::spawn(driver)),
    })
}

/// Says who asks, and sees whether the server answers.
async fn greet(
    connection: &mut MultiplexedConnection,
    address: &Address,
    login: &Login,
) -> Result<(), ConnectError> {
    if let Some(password) = &login.password {
        let mut auth = redis::cmd("AUTH");
        if let Some(user) = &login.user {
            auth.arg(user);
        }
        auth.arg(password);
        if let Value::ServerError(error) = ask(connection, address, &auth).await? {
            return Err(refused(address, login, &error));
        }
    }
    if login.database != 0 {
        let mut select = redis::cmd("SELECT");
        select.arg(login.database);
        if let Value::ServerError(error) = ask(connection, address, &select).await? {
            return Err(refused(address, login, &error));
        }
    }
    match ask(connection, address, &redis::cmd("PING")).await? {
        Value::ServerError(error) if error.code() == "NOPERM" => Ok(()),
        Value::ServerError(error) => Err(refused(address, login, &error)),
        _ => Ok(()),
    }
}

/// An answer, be it that the server refuses.
pub(crate) async fn ask(
    connection: &mut MultiplexedConnection,
    address: &Address,
    cmd: &Cmd,
) -> Result<Value, ConnectError> {
    match connection.send_packed_command(cmd).await {
        Ok(value) => Ok(value),
        Err(error) => match error.clone().into_server_errors().as_deref() {
            Some([(_, error), ..]) => Ok(Value::ServerError(error.clone())),
            _ if error.is_io_error() => Err(unreachable(address, error)),
            _ => Err(ConnectError::new(
                ConnectErrorKind::Protocol,
                format!("what answers at {address} is no Redis or Valkey: check host and port, and whether it expects TLS (rediss://)"),
            )
            .with_source(error)),
        },
    }
}

pub(crate) fn unreachable(
    address: &Address,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ConnectError {
    ConnectError::new(
        ConnectErrorKind::Unreachable,
        format!("no server can be reached at {address}: check host and port, and that it runs and listens there"),
    )
    .with_source(source)
}

/// What a server that refuses to talk at all means.
pub(crate) fn refused(address: &Address, login: &Login, error: &ServerError) -> ConnectError {
    let text = plain(error);
    let who = login.user.as_deref().unwrap_or("default");
    let (kind, what) = match error.code() {
        "WRONGPASS" => (
            ConnectErrorKind::Authentication,
            format!("the server at {address} knows no enabled user `{who}` with this password: check both (ACL LIST shows its users)"),
        ),
        "NOAUTH" => (
            ConnectErrorKind::Authentication,
            format!("the server at {address} wants a password: redis://user:password@… or `password`"),
        ),
        "LOADING" | "MASTERDOWN" => (
            ConnectErrorKind::NotReady,
            format!("the server at {address} is not ready yet: start again when it is, or do not wait for it (`connect_lazily`)"),
        ),
        "CLUSTERDOWN" => (
            ConnectErrorKind::ClusterDown,
            format!("the cluster of {address} is down: CLUSTER INFO says why"),
        ),
        _ if text.contains("invalid password") => (
            ConnectErrorKind::Authentication,
            format!("the server at {address} has another password"),
        ),
        _ if text.contains("without any password") => (
            ConnectErrorKind::Authentication,
            format!("the server at {address} has no password set: leave the password out, or set one (requirepass)"),
        ),
        _ if text.contains("DB index") || text.contains("SELECT") => (
            ConnectErrorKind::Setting,
            format!("the server at {address} has no database {}: a smaller number, or a greater `databases`; in a cluster only 0", login.database),
        ),
        _ if text.contains("max number of clients") => (
            ConnectErrorKind::NotReady,
            format!("the server at {address} has no room for another client: raise `maxclients`"),
        ),
        _ => (
            ConnectErrorKind::Protocol,
            format!("the server at {address} refused"),
        ),
    };
    ConnectError::new(kind, what).with_source(text)
}

/// Requests that wait to be written.
const QUEUE: usize = 1024;

/// Bytes that are collected before they are written.
const WRITE_AT_ONCE: usize = 64 * 1024;
