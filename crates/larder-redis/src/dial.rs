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

/// Bytes to a server and back.
trait Carries: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carries for T {}

type Stream = Box<dyn Carries>;

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
    pub(crate) async fn dial(
        &self,
        address: &Address,
        login: &Login,
    ) -> Result<Line, ConnectError> {
        self.limited(address, async {
            let mut line = carry(address, self.open(address).await?).await?;
            greet(&mut line.connection, address, login).await?;
            Ok(line)
        })
        .await
    }

    /// A connection on which the server tells what comes on a channel.
    #[cfg(feature = "bridge")]
    pub(crate) async fn subscribe(
        &self,
        address: &Address,
        login: &Login,
        channel: &str,
    ) -> Result<redis::aio::PubSub, ConnectError> {
        let mut who = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(user) = &login.user {
            who = who.set_username(user);
        }
        if let Some(password) = &login.password {
            who = who.set_password(password);
        }
        self.limited(address, async {
            let lost = |error| unreachable(address, error);
            let stream = self.open(address).await?;
            let heard = redis::aio::PubSub::new(&who, stream).await;
            let mut heard = heard.map_err(lost)?;
            match heard.subscribe(channel).await {
                Ok(()) => Ok(heard),
                Err(error) if error.code() == Some("NOPERM") => Err(ConnectError::new(
                    ConnectErrorKind::Permission,
                    format!(
                        "the user `{user}` of the server at {address} may not subscribe to {channel:?} (ACL SETUSER {user} +subscribe &{channel})",
                        user = login.user.as_deref().unwrap_or("default")
                    ),
                )),
                Err(error) => Err(lost(error)),
            }
        })
        .await
    }

    async fn limited<T>(
        &self,
        address: &Address,
        dialling: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        match timeout(self.limit, dialling).await {
            Ok(dialled) => dialled,
            Err(_) => Err(unreachable(
                address,
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {:?}", self.limit),
                ),
            )),
        }
    }

    /// A connection that nothing has been said on.
    async fn open(&self, address: &Address) -> Result<Stream, ConnectError> {
        let lost = |error| unreachable(address, error);
        match address {
            Address::Tcp {
                host,
                port,
                is_encrypted,
            } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(lost)?;
                stream.set_nodelay(true).map_err(lost)?;
                if !is_encrypted {
                    return Ok(Box::new(stream));
                }
                #[cfg(feature = "tls")]
                if let Some(tls) = &self.tls {
                    return Ok(Box::new(tls.encrypt(address, host, stream).await?));
                }
                Err(ConnectError::new(
                    ConnectErrorKind::Tls,
                    "TLS needs the feature `tls` of larder-redis, and rediss:// in the URL",
                ))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                Ok(Box::new(stream.map_err(lost)?))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(lost(io::Error::from(io::ErrorKind::Unsupported))),
        }
    }
}

async fn carry(address: &Address, stream: Stream) -> Result<Line, ConnectError> {
    // Whoever asks limits the time; and requests that wait for a place in the queue are not failures.
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE)
        .set_write_backpressure_boundary(WRITE_AT_ONCE);
    let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
    let carried = MultiplexedConnection::new_with_config(&nobody, stream, settings).await;
    let (connection, driver) = carried.map_err(|error| unreachable(address, error))?;
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
            format!(
                "the server at {address} knows no enabled user `{who}` with this password: check both (ACL LIST shows its users)"
            ),
        ),
        "NOAUTH" => (
            ConnectErrorKind::Authentication,
            format!(
                "the server at {address} wants a password: redis://user:password@… or `password`"
            ),
        ),
        "LOADING" | "MASTERDOWN" => (
            ConnectErrorKind::NotReady,
            format!(
                "the server at {address} is not ready yet: start again when it is, or do not wait for it (`connect_lazily`)"
            ),
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
            format!(
                "the server at {address} has no password set: leave the password out, or set one (requirepass)"
            ),
        ),
        _ if text.contains("DB index") || text.contains("SELECT") => (
            ConnectErrorKind::Setting,
            format!(
                "the server at {address} has no database {}: a smaller number, or a greater `databases`; in a cluster only 0",
                login.database
            ),
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
