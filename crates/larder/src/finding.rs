//! [`Finding`]: what the cache noticed that somebody should look at.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderName;
use larder_policy::key::{Input, InputKind, KeyError};

use crate::cardinality::Over;

/// Something about a route that is probably a mistake: a key that misses an input, or has one too
/// many. Told once as a `tracing` event of level `WARN` and to
/// [`CacheBuilder::on_finding`](crate::CacheBuilder::on_finding), and counted every time.
///
/// Names inputs and never their values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    route: Box<str>,
    kind: FindingKind,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// One input of the route's keys has more distinct values than the
    /// [budget](crate::RoutePolicy::cardinality_budget). Until that is over by 10 minutes, a
    /// response is stored only when its key is asked for again.
    Cardinality {
        /// The input.
        input: Input,
        /// Distinct values so far among the responses stored within 10 minutes, about.
        estimate: u64,
        /// How many there may be.
        budget: u64,
    },
    /// The route's key cannot be one; every request bypasses the cache.
    InvalidKey {
        /// The setting, the value, and what is wrong with it.
        error: Box<str>,
    },
    /// A response that was about to be shared has a string that gives its caller away; see
    /// [`RoutePolicy::tripwire`](crate::RoutePolicy::tripwire). It was not stored.
    Tripwire {
        /// Where the string is.
        place: Place,
    },
    /// A response's `Vary` names a field that the route's key does not declare. Where the inner
    /// service did not see the field, the response was stored all the same.
    UndeclaredVary {
        /// The field.
        input: Input,
        /// The inner service did not see it.
        withheld: bool,
    },
    /// A checked hit was not what the inner service gives, and what it gives depends on inputs that
    /// are not in the key; see [`Verify`](crate::Verify).
    WrongKey {
        /// The inputs. Where no single one changes the response, all that do so together.
        inputs: Box<[Input]>,
        /// The inner service does not see them on a miss: everybody gets the response that ignores
        /// them, and nobody that of another. Otherwise responses of one request are served to others.
        withheld: bool,
    },
}

/// Where in a response a string was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// In the body, or in what its escapes stand for.
    Body {
        /// The string ends before this byte of the body, counted from 0.
        end: u64,
    },
    /// In the value of a field.
    Field(HeaderName),
    /// Nobody knows: there were more strings than can be looked for.
    Unsearched,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body { end } => write!(f, "its body, up to byte {end}"),
            Self::Field(name) => write!(f, "the field {name}"),
            Self::Unsearched => f.write_str("some place"),
        }
    }
}

impl Finding {
    pub(crate) fn new(route: &str, kind: FindingKind) -> Self {
        Self {
            route: route.into(),
            kind,
        }
    }

    pub(crate) fn cardinality(route: &str, over: Over) -> Self {
        let Over {
            input,
            estimate,
            budget,
        } = over;
        let kind = FindingKind::Cardinality {
            input,
            estimate,
            budget,
        };
        Self::new(route, kind)
    }

    pub(crate) fn invalid_key(route: &str, error: &KeyError) -> Self {
        let error = error.to_string().into();
        Self::new(route, FindingKind::InvalidKey { error })
    }

    pub(crate) fn tripwire(route: &str, place: Place) -> Self {
        Self::new(route, FindingKind::Tripwire { place })
    }

    pub(crate) fn undeclared_vary(route: &str, field: &str, withheld: bool) -> Self {
        let input = Input::new(InputKind::Header, field);
        Self::new(route, FindingKind::UndeclaredVary { input, withheld })
    }

    /// The same for every body: where exactly a string is differs from one to the next.
    fn without_offset(&self) -> Self {
        let mut kind = self.kind.clone();
        if let FindingKind::Tripwire {
            place: Place::Body { end },
        } = &mut kind
        {
            *end = 0;
        }
        Self::new(&self.route, kind)
    }

    pub(crate) fn wrong_key(route: &str, inputs: Box<[Input]>, withheld: bool) -> Self {
        Self::new(route, FindingKind::WrongKey { inputs, withheld })
    }

    /// The route, by the name it was given or has in its router, else the path of the request.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// What was found.
    #[must_use]
    pub const fn kind(&self) -> &FindingKind {
        &self.kind
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.route)?;
        match &self.kind {
            FindingKind::Cardinality { input, budget, .. } => write!(
                f,
                "{input} has more than {budget} distinct values; a response is stored only when it \
                 is asked for again"
            ),
            FindingKind::InvalidKey { error } => {
                write!(f, "{error}; every request bypasses the cache")
            }
            FindingKind::Tripwire {
                place: Place::Unsearched,
            } => write!(
                f,
                "there are more identity strings than can be looked for; \
                 the response was not stored"
            ),
            FindingKind::Tripwire { place } => write!(
                f,
                "the response gives its caller away in {place}; it was not stored"
            ),
            FindingKind::UndeclaredVary {
                input,
                withheld: true,
            } => write!(
                f,
                "Vary names {input}, which the key does not declare and the handler does not see; \
                 declare it if the response depends on it"
            ),
            FindingKind::UndeclaredVary { input, .. } => write!(
                f,
                "Vary names {input}, which the key does not declare; the response was not stored"
            ),
            FindingKind::WrongKey { inputs, withheld } => {
                f.write_str("the response depends on ")?;
                for (at, input) in inputs.iter().enumerate() {
                    let between = if at == 0 { "" } else { ", " };
                    write!(f, "{between}{input}")?;
                }
                f.write_str(if *withheld {
                    ", not declared in the key and withheld on a miss: all get the response that \
                     ignores it; declare it if that is not meant"
                } else {
                    ", not in the key: what was made for one request is served to others; declare \
                     it, or name it in Vary"
                })
            }
        }
    }
}

/// Whom to tell of a finding.
pub(crate) type OnFinding = dyn Fn(&Finding) + Send + Sync;

/// The findings of a cache.
#[derive(Default)]
pub(crate) struct Findings {
    on_finding: Option<Arc<OnFinding>>,
    count: AtomicU64,
    told: Mutex<HashSet<Finding>>,
}

impl Findings {
    pub(crate) fn new(on_finding: Option<Arc<OnFinding>>) -> Self {
        Self {
            on_finding,
            ..Self::default()
        }
    }

    /// Counts a finding, and tells of it unless that was done before.
    pub(crate) fn report(&self, finding: &Finding) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MAX_TOLD || !told.insert(finding.without_offset()) {
            return;
        }
        drop(told);
        tracing::warn!(target: "larder", route = finding.route(), "{finding}");
        if let Some(on_finding) = &self.on_finding {
            on_finding(finding);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Findings")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// So many different findings are told; those beyond are only counted.
const MAX_TOLD: usize = 1024;
