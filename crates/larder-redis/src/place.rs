//! [`Place`]: which server is the one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::Value;

use crate::address::{Address, Login};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::dial::{Dialler, Line, ask, refused};
use crate::nodes::Nodes;
use crate::reply;

/// Where the server is that a connection goes to.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Here.
    At(Address, Login),
    /// Where sentinels say.
    Sentinel(Sentinels),
    /// Where the slot of a key is.
    Slot(Nodes, String),
}

/// Sentinels, and the name under which they know the master.
#[derive(Debug, Clone)]
pub(crate) struct Sentinels {
    pub(crate) sentinels: Vec<(Address, Login)>,
    pub(crate) master: String,
    pub(crate) login: Login,
    /// Which of them answered last: it is asked first, so that one that is gone is not waited for each
    /// time.
    pub(crate) last: Arc<AtomicUsize>,
}

impl Place {
    /// A connection to the server that is the one now, and where that is.
    pub(crate) async fn dial(&self, dialler: &Dialler) -> Result<(Line, Address), ConnectError> {
        let (address, login) = self.find(dialler).await?;
        let mut line = dialler.dial(&address, login).await?;
        if let Self::Sentinel(sentinels) = self {
            sentinels.check(&mut line, &address).await?;
        }
        Ok((line, address))
    }

    /// Where it is now.
    pub(crate) async fn find(&self, dialler: &Dialler) -> Result<(Address, &Login), ConnectError> {
        match self {
            Self::At(address, login) => Ok((address.clone(), login)),
            Self::Sentinel(sentinels) => {
                let address = sentinels.find(dialler).await?;
                Ok((address, &sentinels.login))
            }
            Self::Slot(nodes, key) => Ok((nodes.master_of(dialler, key).await?, nodes.login())),
        }
    }

    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Slot(..))
    }

    /// Who asks there.
    pub(crate) const fn login(&self) -> &Login {
        match self {
            Self::At(_, login) => login,
            Self::Sentinel(sentinels) => &sentinels.login,
            Self::Slot(nodes, _) => nodes.login(),
        }
    }

    /// Whether it may move without a connection breaking.
    pub(crate) const fn moves(&self) -> bool {
        !matches!(self, Self::At(..))
    }
}

impl Sentinels {
    async fn find(&self, dialler: &Dialler) -> Result<Address, ConnectError> {
        let mut last = None;
        let first = self.last.load(Ordering::Relaxed);
        let all = self.sentinels.iter().enumerate();
        for (place, (address, login)) in all.cycle().skip(first).take(self.sentinels.len()) {
            match self.ask(dialler, address, login).await {
                Ok(master) => {
                    self.last.store(place, Ordering::Relaxed);
                    return Ok(master);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            ConnectError::new(ConnectErrorKind::Setting, "no sentinel is named")
        }))
    }

    async fn ask(
        &self,
        dialler: &Dialler,
        address: &Address,
        login: &Login,
    ) -> Result<Address, ConnectError> {
        let mut line = dialler.dial(address, login).await?;
        let mut cmd = redis::cmd("SENTINEL");
        cmd.arg("get-master-addr-by-name").arg(&self.master);
        let answer = match ask(&mut line.connection, address, &cmd).await? {
            Value::ServerError(error) if error.code() == "ERR" => {
                return Err(ConnectError::new(
                    ConnectErrorKind::Mode,
                    format!(
                        "the server at {address} is no sentinel: name sentinels (port 26379, usually), or use `RedisTier::connect`"
                    ),
                ));
            }
            Value::ServerError(error) => return Err(refused(address, login, &error)),
            answer => answer,
        };
        let unknown = || {
            ConnectError::new(
                ConnectErrorKind::UnknownMaster,
                format!(
                    "the sentinel at {address} knows no master named {:?}: SENTINEL MASTERS lists those it knows",
                    self.master
                ),
            )
        };
        let [host, port] = reply::tuple(answer).map_err(|_| unknown())?;
        let host = reply::text(host).map_err(|_| unknown())?;
        let port = reply::number(port).map_err(|_| unknown())?;
        Ok(address.beside(host, u16::try_from(port).map_err(|_| unknown())?))
    }

    /// During a failover sentinels name a server that is a replica still.
    async fn check(&self, line: &mut Line, address: &Address) -> Result<(), ConnectError> {
        let role = ask(&mut line.connection, address, &redis::cmd("ROLE")).await?;
        let Value::Array(items) = role else {
            // Who may not ask has to believe.
            return Ok(());
        };
        match items.into_iter().next().map(reply::text) {
            Some(Ok(role)) if role != "master" => Err(ConnectError::new(
                ConnectErrorKind::ReadOnly,
                format!(
                    "the server at {address} is not the master of {:?} (yet)",
                    self.master
                ),
            )),
            _ => Ok(()),
        }
    }
}
