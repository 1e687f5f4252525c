//! [`Plan`]: what a tier is made of, once its settings are known to be right.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::data::Data;
use crate::dial::Dialler;
use crate::keeper::Target;
use crate::keys::Keys;
use crate::link::Link;
use crate::nodes::Nodes;
use crate::place::Place;
use crate::script::Scripts;
use crate::tier::{Inner, RedisTier, Settings};

/// What is to be connected to, and what a start looks at.
pub(crate) struct Plan {
    pub(crate) dialler: Dialler,
    /// Where the log is.
    pub(crate) place: Place,
    /// Where responses are, if that is not there.
    pub(crate) cluster: Option<Nodes>,
    pub(crate) keys: Keys,
    pub(crate) allow_eviction: bool,
}

impl RedisTier {
    pub(crate) fn over(plan: Plan, settings: Settings) -> Self {
        let link = |beats| {
            Link::new(Target {
                dialler: plan.dialler.clone(),
                place: plan.place.clone(),
                beats,
            })
        };
        let confirmed = settings.wait_replicas.map(|_| link(false));
        let (data, log) = match plan.cluster {
            None => (Data::One(link(true)), link(false)),
            Some(nodes) => {
                let cluster = Cluster::new(plan.dialler.clone(), nodes);
                (Data::Cluster(cluster), link(false))
            }
        };
        let inner = Inner {
            data,
            log,
            confirmed,
            keys: plan.keys,
            scripts: Scripts::new(),
            settings,
            #[cfg(feature = "bridge")]
            dialler: plan.dialler,
            #[cfg(feature = "bridge")]
            place: plan.place,
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}
