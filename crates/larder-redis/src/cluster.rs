//! [`Cluster`]: a connection to each master of a cluster.
//!
//! Each is a [`Link`] by itself, so one that is down holds up nobody who wants something of another. A
//! task looks who has which slots, now and then, and when a node says that it is another.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use larder::shared::{StoreError, StoreErrorKind};
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::address::Address;
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::dial::Dialler;
use crate::keeper::Target;
use crate::link::Link;
use crate::nodes::Nodes;
use crate::place::Place;
use crate::redirect::Redirect;
use crate::slots::Slots;

/// Connections to all masters.
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

struct Shared {
    map: RwLock<Arc<Map>>,
    /// The map may be wrong.
    doubted: Notify,
    tried: Notify,
}

/// Who has which slots, and the connections to them.
struct Map {
    slots: Option<Slots>,
    /// In the order of the masters.
    links: Vec<Arc<Link>>,
    /// Why there is nothing, if there is nothing.
    why: String,
}

impl Cluster {
    /// To be called within a tokio runtime.
    pub(crate) fn new(dialler: Dialler, nodes: Nodes) -> Self {
        let shared = Arc::new(Shared {
            map: RwLock::new(Arc::new(Map {
                slots: None,
                links: Vec::new(),
                why: "not connected yet".into(),
            })),
            doubted: Notify::new(),
            tried: Notify::new(),
        });
        let keeper = tokio::spawn(keep(Arc::clone(&shared), dialler, nodes));
        Self { shared, keeper }
    }

    pub(crate) async fn send(&self, key: &str, cmd: &Cmd) -> Result<Value, StoreError> {
        let map = self.shared.map();
        let answer = self.sure(map.link_of(key)?.send(cmd).await)?;
        let Some(redirect) = Redirect::of(&answer) else {
            return Ok(answer);
        };
        let Some(link) = self.redirected(&map, &redirect) else {
            return Ok(answer);
        };
        if !redirect.is_once {
            return link.send(cmd).await;
        }
        let mut asking = Pipeline::with_capacity(2);
        asking.cmd("ASKING").add_command(cmd.clone());
        let answers = link.send_all(&asking).await?;
        Ok(answers.into_iter().next_back().unwrap_or(answer))
    }

    pub(crate) async fn send_all(
        &self,
        key: &str,
        all: &Pipeline,
    ) -> Result<Vec<Value>, StoreError> {
        let map = self.shared.map();
        let answers = self.sure(map.link_of(key)?.send_all(all).await)?;
        match answers.iter().find_map(Redirect::of) {
            Some(redirect) if !redirect.is_once => match self.redirected(&map, &redirect) {
                Some(link) => link.send_all(all).await,
                None => Ok(answers),
            },
            _ => Ok(answers),
        }
    }

    /// Waits for the first connection to each master, or the first try that failed. What counts is the
    /// master of a key.
    pub(crate) async fn first(&self, key: &str) -> Result<(), ConnectError> {
        self.shared.tried.notified().await;
        let map = self.shared.map();
        let needed = map
            .link_of(key)
            .map_err(|error| ConnectError::new(ConnectErrorKind::ClusterDown, error.to_string()))?;
        let mut outcome = Ok(());
        for link in &map.links {
            // All of them are tried at once.
            let tried = link.first().await;
            if std::ptr::eq(needed, &raw const **link) {
                outcome = tried;
            }
        }
        outcome
    }

    /// A node that cannot be reached may not be the master any more.
    fn sure<T>(&self, sent: Result<T, StoreError>) -> Result<T, StoreError> {
        if sent.is_err() {
            self.shared.doubted.notify_one();
        }
        sent
    }

    /// The connection that a request is to be sent to instead, if there is one.
    fn redirected(&self, map: &Map, redirect: &Redirect) -> Option<Arc<Link>> {
        if !redirect.is_once {
            self.shared.doubted.notify_one();
        }
        let masters = &map.slots.as_ref()?.masters;
        let place = masters.iter().position(|master| redirect.is_to(master))?;
        map.links.get(place).cloned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    fn map(&self) -> Arc<Map> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&map)
    }

    fn set(&self, map: Map) {
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
        self.tried.notify_one();
    }
}

impl Map {
    fn link_of(&self, key: &str) -> Result<&Link, StoreError> {
        let Some(slots) = &self.slots else {
            let why = self.why.clone();
            return Err(StoreError::new(StoreErrorKind::Unreachable, why));
        };
        let place = slots.place_of(key);
        match place.and_then(|place| self.links.get(place)) {
            Some(link) => Ok(link),
            None => Err(StoreError::new(
                StoreErrorKind::Refused,
                "no node of the cluster has the slot of this key",
            )),
        }
    }

    /// The same with other slots. Connections to those who are masters still stay.
    fn with(&self, slots: Slots, dialler: &Dialler, nodes: &Nodes) -> Self {
        let old = self.slots.as_ref().map_or(&[][..], |slots| &slots.masters);
        let links = slots.masters.iter().map(|master| {
            let place = old.iter().position(|old| old == master);
            match place.and_then(|place| self.links.get(place)) {
                Some(link) => Arc::clone(link),
                None => Arc::new(link_to(master, dialler, nodes)),
            }
        });
        Self {
            links: links.collect(),
            slots: Some(slots),
            why: String::new(),
        }
    }
}

fn link_to(master: &Address, dialler: &Dialler, nodes: &Nodes) -> Link {
    Link::new(Target {
        dialler: dialler.clone(),
        place: Place::At(master.clone(), nodes.login().clone()),
        beats: true,
    })
}

async fn keep(shared: Arc<Shared>, dialler: Dialler, nodes: Nodes) {
    loop {
        let map = shared.map();
        match nodes.slots(&dialler).await {
            Ok(slots) if map.slots.as_ref() != Some(&slots) => {
                tracing::debug!(target: "larder::redis", masters = slots.masters.len(), "slots of the cluster");
                shared.set(map.with(slots, &dialler, &nodes));
            }
            Ok(_) => {}
            // The old map may be right still.
            Err(error) => {
                tracing::debug!(target: "larder::redis", %error, "slots of the cluster are not known");
                if map.slots.is_none() {
                    shared.set(Map {
                        slots: None,
                        links: Vec::new(),
                        why: error.to_string(),
                    });
                }
            }
        }
        drop(map);
        sleep(PAUSE).await;
        let _ = timeout(LOOK, shared.doubted.notified()).await;
    }
}

/// How long nobody asks for slots again, whatever happens; and how often they are asked for anyway.
const PAUSE: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_secs(10);
