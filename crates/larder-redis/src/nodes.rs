//! [`Nodes`]: the nodes of a cluster that are known.

use std::sync::{Arc, Mutex, PoisonError};

use redis::Value;

use crate::address::{Address, Login};
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::dial::{Dialler, ask, refused, unreachable};
use crate::slots::Slots;

/// Nodes that can be asked who has which slots: those that were named, and those that were found.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    named: Vec<Address>,
    login: Login,
    /// The last that answered comes first.
    known: Arc<Mutex<Vec<Address>>>,
}

impl Nodes {
    pub(crate) fn new(named: Vec<Address>, login: Login) -> Self {
        let known = Arc::new(Mutex::new(Vec::new()));
        Self {
            named,
            login,
            known,
        }
    }

    pub(crate) const fn login(&self) -> &Login {
        &self.login
    }

    /// Who has which slots, by the first node that answers.
    pub(crate) async fn slots(&self, dialler: &Dialler) -> Result<Slots, ConnectError> {
        let mut last = None;
        for node in self.all() {
            match self.slots_by(dialler, &node).await {
                Ok(slots) => {
                    let mut known = vec![node];
                    known.extend(slots.nodes.iter().cloned());
                    *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
                    return Ok(slots);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            ConnectError::new(ConnectErrorKind::Setting, "no node of the cluster is named")
        }))
    }

    /// The master of a key.
    pub(crate) async fn master_of(
        &self,
        dialler: &Dialler,
        key: &str,
    ) -> Result<Address, ConnectError> {
        let slots = self.slots(dialler).await?;
        let master = slots
            .place_of(key)
            .and_then(|place| slots.masters.get(place));
        master.cloned().ok_or_else(|| {
            ConnectError::new(
                ConnectErrorKind::ClusterDown,
                "no node of the cluster has the slot of the log: CLUSTER INFO says which slots are missing",
            )
        })
    }

    /// Known ones first, each once.
    fn all(&self) -> Vec<Address> {
        let known = self.known.lock();
        let mut all: Vec<Address> = Vec::new();
        for node in known
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .chain(&self.named)
        {
            if !all.contains(node) {
                all.push(node.clone());
            }
        }
        all
    }

    async fn slots_by(&self, dialler: &Dialler, node: &Address) -> Result<Slots, ConnectError> {
        let mut line = dialler.dial(node, &self.login).await?;
        let mut cmd = redis::cmd("CLUSTER");
        cmd.arg("SLOTS");
        let asked = ask(&mut line.connection, node, &cmd);
        let answer = match tokio::time::timeout(dialler.limit, asked).await {
            Ok(answer) => answer?,
            Err(late) => return Err(unreachable(node, late)),
        };
        match answer {
            Value::ServerError(error)
                if error
                    .details()
                    .is_some_and(|text| text.contains("cluster support disabled")) =>
            {
                Err(ConnectError::new(
                    ConnectErrorKind::Mode,
                    format!(
                        "the server at {node} is no node of a cluster: use `RedisTier::connect`"
                    ),
                ))
            }
            Value::ServerError(error) if error.code() == "NOPERM" => Err(ConnectError::new(
                ConnectErrorKind::Permission,
                format!(
                    "the user `{user}` of the cluster at {node} may not run cluster slots (ACL SETUSER {user} +cluster|slots)",
                    user = self.login.user.as_deref().unwrap_or("default")
                ),
            )),
            Value::ServerError(error) => Err(refused(node, &self.login, &error)),
            answer => Slots::read(answer, node).ok_or_else(|| {
                ConnectError::new(
                    ConnectErrorKind::Protocol,
                    format!("the node at {node} answers CLUSTER SLOTS as no Redis or Valkey does"),
                )
            }),
        }
    }
}
