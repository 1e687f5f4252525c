//! [`Target`]: what a link connects to, and how it sees that it broke.

use std::borrow::Cow;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::address::Address;
use crate::connect_error::ConnectError;
use crate::dial::{Dialler, Line};
use crate::place::Place;
use crate::wire::Wire;

/// What a link connects to.
pub(crate) struct Target {
    pub(crate) dialler: Dialler,
    pub(crate) goal: Goal,
    /// Whether it is asked every second if it is there. One that is waited on for long cannot be.
    pub(crate) beats: bool,
}

#[derive(Clone)]
pub(crate) enum Goal {
    One(Place),
    #[cfg(feature = "cluster")]
    Cluster(crate::cluster::Nodes),
}

impl Goal {
    /// The place of one server that may be another later.
    fn moving(&self) -> Option<&Place> {
        match self {
            Self::One(place) => place.moves().then_some(place),
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => None,
        }
    }
}

/// A connection that is there.
pub(crate) enum Kept {
    One(Line, Address),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Target {
    pub(crate) async fn connect(&self) -> Result<Kept, ConnectError> {
        match &self.goal {
            Goal::One(place) => {
                let (line, address) = place.dial(&self.dialler).await?;
                Ok(Kept::One(line, address))
            }
            #[cfg(feature = "cluster")]
            Goal::Cluster(nodes) => Ok(Kept::Cluster(nodes.connect(&self.dialler).await?)),
        }
    }
}

impl Kept {
    pub(crate) fn wire(&self) -> Wire {
        match self {
            Self::One(line, _) => Wire::One(line.connection.clone()),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => Wire::Cluster(connection.clone()),
        }
    }

    /// Returns when it is broken, and why.
    pub(crate) async fn broken(&mut self, target: &Target) -> Cow<'static, str> {
        match self {
            Self::One(line, address) => one_broken(line, address, target).await,
            // It connects to its nodes again by itself.
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => pending().await,
        }
    }
}

async fn one_broken(line: &mut Line, address: &Address, target: &Target) -> Cow<'static, str> {
    let mut wire = Wire::One(line.connection.clone());
    let beats = async {
        if !target.beats {
            return pending().await;
        }
        loop {
            sleep(BEAT).await;
            // Whatever it answers, it is there.
            let ping = redis::cmd("PING");
            if timeout(SILENCE, wire.send(&ping)).await.is_err() {
                return Cow::from("the server does not answer");
            }
        }
    };
    let moved = async {
        let Some(place) = target.goal.moving() else {
            return pending().await;
        };
        loop {
            sleep(WHERE).await;
            if let Ok((now, _)) = place.find(&target.dialler).await
                && now != *address
            {
                return Cow::from(format!("the master is {now} now"));
            }
        }
    };
    tokio::select! {
        _ = &mut line.driver.0 => Cow::from("the server closed it"),
        why = beats => why,
        why = moved => why,
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(_, address) => address.fmt(f),
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => f.write_str("the cluster"),
        }
    }
}

/// How often a server is asked whether it is there, and how long it may take to answer.
const BEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(2);

/// How often it is looked where the master is.
const WHERE: Duration = Duration::from_secs(5);
