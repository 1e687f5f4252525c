//! [`RedisTierBuilder`]: how a tier is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::address::{Login, parse};
use crate::check::check;
use crate::connect_error::{ConnectError, ConnectErrorKind};
use crate::dial::Dialler;
use crate::entries::millis;
use crate::keys::Keys;
use crate::nodes::Nodes;
use crate::place::{Place, Sentinels};
use crate::plan::Plan;
use crate::tier::{RedisTier, Settings};

impl RedisTier {
    /// Connects to one server, with defaults for everything that the URL does not say:
    /// `redis://user:password@host:6379/0`, `rediss://…` for TLS, `redis+unix:///path` for a socket.
    /// See [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// As [`RedisTierBuilder::connect`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect(url: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// A tier on one server, to be configured. What is wrong with the URL is told on connecting.
    pub fn builder(url: impl Into<String>) -> RedisTierBuilder {
        RedisTierBuilder::one(url.into())
    }

    /// A tier on the master that sentinels know by a name. User and password in the URLs are for the
    /// sentinels; those for the master are set with [`RedisTierBuilder::credentials`]. With `rediss://`
    /// sentinels and master are spoken to by TLS.
    ///
    /// After a failover the tier finds the new master by itself.
    pub fn sentinel<U: Into<String>>(
        urls: impl IntoIterator<Item = U>,
        master: impl Into<String>,
    ) -> RedisTierBuilder {
        RedisTierBuilder::sentinel(urls.into_iter().map(Into::into).collect(), master.into())
    }

    /// A tier on a cluster, by the URLs of some of its nodes; the others are found. User and password
    /// are those of the first URL, and hold for all nodes.
    ///
    /// Responses are spread over the nodes, a response and all that belongs to it on one. The log is on
    /// one node too.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisTierBuilder {
        RedisTierBuilder::cluster(urls.into_iter().map(Into::into).collect())
    }
}

/// How a [`RedisTier`] is configured; from [`RedisTier::builder`], [`RedisTier::sentinel`] or
/// [`RedisTier::cluster`]. Nothing is looked at before it [connects](Self::connect).
#[must_use = "nothing happens until it connects"]
pub struct RedisTierBuilder {
    servers: Servers,
    prefix: String,
    namespace: String,
    user: Option<String>,
    password: Option<String>,
    database: Option<i64>,
    retain: u64,
    limit: Duration,
    wait_replicas: Option<(u32, u64)>,
    allow_eviction: bool,
    #[cfg(feature = "tls")]
    tls: crate::tls::TlsSettings,
}

enum Servers {
    One(String),
    Sentinel(Vec<String>, String),
    Cluster(Vec<String>),
}

impl RedisTierBuilder {
    pub(crate) fn one(url: String) -> Self {
        Self::new(Servers::One(url))
    }

    pub(crate) fn sentinel(urls: Vec<String>, master: String) -> Self {
        Self::new(Servers::Sentinel(urls, master))
    }

    pub(crate) fn cluster(urls: Vec<String>) -> Self {
        Self::new(Servers::Cluster(urls))
    }

    fn new(servers: Servers) -> Self {
        Self {
            servers,
            prefix: "larder1:".into(),
            namespace: String::new(),
            user: None,
            password: None,
            database: None,
            retain: 100_000,
            limit: Duration::from_secs(2),
            wait_replicas: None,
            allow_eviction: false,
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsSettings::default(),
        }
    }

    /// What the names of all keys begin with, so that they can be told from those of others in the same
    /// database, and an ACL can allow them: `~larder1:*`. Nodes of one fleet need the same. No `{`, no
    /// `}` and no control characters. Default: `larder1:`.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        Self { prefix, ..self }
    }

    /// What comes after the prefix: caches with different namespaces share a server and nothing else, not
    /// even purges. Nodes of one fleet need the same. As [`prefix`](Self::prefix) no `{`, no `}` and no
    /// control characters. Default: empty.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        let namespace = namespace.into();
        Self { namespace, ..self }
    }

    /// User and password, instead of those in the URL; with sentinels, those for the master. Without a
    /// user it is the server's `default`. Default: those in the URL, and with sentinels none.
    pub fn credentials(self, user: Option<&str>, password: impl Into<String>) -> Self {
        Self {
            user: user.map(Into::into),
            password: Some(password.into()),
            ..self
        }
    }

    /// Which database of the server, instead of the one in the URL. In a cluster there is only 0.
    /// Default: the one in the URL, or 0.
    pub fn database(self, database: u16) -> Self {
        Self {
            database: Some(database.into()),
            ..self
        }
    }

    /// How many purges the log retains, at least: about as many as there are while responses are
    /// stored. A node that finds that it has missed some fetches everything anew. About 55 bytes
    /// each in the server, and 10 more for each further name in it; at least 1. Default: 100,000.
    pub fn retain_purges(self, purges: u64) -> Self {
        let retain = purges.max(1);
        Self { retain, ..self }
    }

    /// How long a connection may take until it can be used: name lookup, TLS and login included. In the
    /// background, as after an outage, no request waits for it. Default: 2 seconds.
    pub fn connect_timeout(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// A purge is waited for until so many replicas have it too (`WAIT`), at most so long, in whole
    /// milliseconds. What they do not confirm in time is purged all the same, and told as a warning
    /// event. So a purge is lost in a failover only if that failed. Uses a connection of its own. Default:
    /// none.
    pub fn wait_replicas(self, replicas: u32, at_most: Duration) -> Self {
        Self {
            wait_replicas: (replicas > 0).then(|| (replicas, millis(at_most))),
            ..self
        }
    }

    /// Whether a server may be used that drops any key when its memory is full (`maxmemory-policy
    /// allkeys-*`), and so the log of purges as well. The cache notices and fetches everything anew, which
    /// is when the server is busiest. Keys of responses all expire, and the log does not: so `volatile-lru`
    /// or `volatile-lfu` is what is wanted. Default: `false`, such a server is refused.
    pub fn allow_eviction(self, allow: bool) -> Self {
        Self {
            allow_eviction: allow,
            ..self
        }
    }

    /// Which certificates are trusted: those in these PEM texts, and no others. Default: those that the
    /// system trusts.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(pem.into());
        self
    }

    /// By which certificate this client is known to the server: a chain, its own first, and its private
    /// key, both PEM. Default: none.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.client = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// Connects, and looks whether the server can be what is wanted of it: reachable, the right mode,
    /// streams, no replica, all commands allowed, and a log that is not dropped. For that it runs each
    /// command once, on keys that expire.
    ///
    /// What it cannot see is taken for right: `INFO` may be forbidden, and then nothing is known of the
    /// server's `maxmemory-policy`.
    ///
    /// # Errors
    ///
    /// Whatever is wrong; see [`ConnectErrorKind`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect(self) -> Result<RedisTier, ConnectError> {
        let (plan, settings) = self.plan()?;
        check(&plan).await?;
        let tier = RedisTier::over(plan, settings);
        tier.inner.data.first(&tier.inner.keys.log).await?;
        tier.inner.log.first().await?;
        Ok(tier)
    }

    /// Connects in the background, as often as needed. Until then all calls fail, which a cache takes for
    /// misses. So an application starts while its store is down; but what [`connect`](Self::connect) looks
    /// for is not looked for.
    ///
    /// # Errors
    ///
    /// What is wrong can be seen without a server: see [`ConnectErrorKind::Setting`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect_lazily(self) -> Result<RedisTier, ConnectError> {
        let (plan, settings) = self.plan()?;
        Ok(RedisTier::over(plan, settings))
    }

    fn plan(self) -> Result<(Plan, Settings), ConnectError> {
        let keys = self.keys()?;
        let dialler = Dialler {
            limit: self.limit,
            #[cfg(feature = "tls")]
            tls: match self.is_encrypted() {
                true => Some(crate::tls::Tls::new(&self.tls)?),
                false => None,
            },
        };
        let (place, name) = self.place(&keys.log)?;
        let cluster = match &place {
            Place::Slot(nodes, _) => Some(nodes.clone()),
            Place::At(..) | Place::Sentinel(_) => None,
        };
        let settings = Settings {
            retain: self.retain,
            wait_replicas: self.wait_replicas,
            place: name,
        };
        let plan = Plan {
            dialler,
            place,
            cluster,
            keys,
            allow_eviction: self.allow_eviction,
        };
        Ok((plan, settings))
    }

    /// Certificates are read where they are needed only.
    #[cfg(feature = "tls")]
    fn is_encrypted(&self) -> bool {
        let urls = match &self.servers {
            Servers::One(url) => std::slice::from_ref(url),
            Servers::Sentinel(urls, _) | Servers::Cluster(urls) => urls,
        };
        let addresses = urls.iter().filter_map(|url| parse(url).ok());
        addresses
            .into_iter()
            .any(|(address, _)| address.is_encrypted())
    }

    fn keys(&self) -> Result<Keys, ConnectError> {
        for (what, text) in [("prefix", &self.prefix), ("namespace", &self.namespace)] {
            if text.chars().any(|c| c == '{' || c == '}' || c.is_control()) {
                return Err(ConnectError::new(
                    ConnectErrorKind::Setting,
                    format!(
                        "a {what} has no braces and no control characters, and {text:?} has some"
                    ),
                ));
            }
        }
        Ok(Keys::new(&self.prefix, &self.namespace))
    }

    /// Where the log is, and what that is called.
    fn place(&self, log: &str) -> Result<(Place, String), ConnectError> {
        match &self.servers {
            Servers::One(url) => {
                let (address, login) = parse(url)?;
                let name = address.to_string();
                Ok((Place::At(address, self.login(login)), name))
            }
            Servers::Sentinel(urls, master) => {
                let sentinels = urls.iter().map(|url| parse(url));
                let place = Place::Sentinel(Sentinels {
                    sentinels: sentinels.collect::<Result<_, _>>()?,
                    master: master.clone(),
                    login: self.login(Login::default()),
                    last: Arc::default(),
                });
                Ok((place, format!("master {master}")))
            }
            Servers::Cluster(urls) => {
                let nodes = urls.iter().map(|url| parse(url));
                let (nodes, logins): (_, Vec<_>) =
                    nodes.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
                let login = self.login(logins.into_iter().next().unwrap_or_default());
                let place = Place::Slot(Nodes::new(nodes, login), log.to_owned());
                Ok((place, "cluster".to_owned()))
            }
        }
    }

    fn login(&self, given: Login) -> Login {
        let (user, password) = match &self.password {
            Some(password) => (self.user.clone(), Some(password.clone())),
            None => (given.user, given.password),
        };
        Login {
            user,
            password,
            database: self.database.unwrap_or(given.database),
        }
    }
}

/// Leaves the URLs out: they may hold passwords.
impl fmt::Debug for RedisTierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTierBuilder")
            .field("prefix", &self.prefix)
            .field("namespace", &self.namespace)
            .field("retain_purges", &self.retain)
            .finish_non_exhaustive()
    }
}
