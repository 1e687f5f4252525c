//! Checks of hits: whether the inner service gives what was served, and if not, what that is due to.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body::Body;
use larder_policy::key::InputKind;
use larder_policy::{RequestHead, Serving};
use tower_service::Service;
use tracing::Instrument;

use crate::body_error::BoxError;
use crate::cache::Cache;
use crate::context::Context;
use crate::entry::Entry;
use crate::finding::Finding;
use crate::record::{Inputs, Name, Record};
use crate::shadow::{Digest, Shadow};
use crate::stamps::Life;
use crate::trace::{self, Verdict};
use crate::verifier::Verifier;

/// Whether this hit is to be checked. A client that wants no more than what is stored starts no work.
pub(crate) fn is_due(
    context: &Context,
    verifier: &Verifier,
    head: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
) -> bool {
    verifier.samples()
        && matches!(*head.method(), Method::GET | Method::HEAD)
        && !serving.is_stale()
        && !head.directives().only_if_cached()
        && entry.record().is_some()
        && entry.body_bytes() as u64 <= context.compared_bytes(verifier)
        && verifier.spend(context.cache.shared().clock.now())
}

/// Starts the check of a hit in the background, if there is a place.
pub(crate) fn check<S, B, C>(
    context: &Arc<Context>,
    verifier: &Arc<Verifier>,
    inner: S,
    request: &Request<B>,
    entry: Arc<Entry>,
) where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let background = &context.cache.shared().background;
    let (Some(place), Some(record)) = (background.place(), entry.record().cloned()) else {
        return;
    };
    let route = Arc::<str>::from(context.route_of(request));
    let span = trace::verify_span(&route);
    let check = Check {
        client: context.shadow_request(request),
        shadow: Shadow {
            context: Arc::clone(context),
            verifier: Arc::clone(verifier),
            inner,
            begun: false,
        },
        entry,
        record,
        attempt: Attempt {
            cache: context.cache.clone(),
            route,
            verdict: Verdict::Failed,
        },
    };
    background.run(place, check.run().instrument(span));
}

struct Check<S> {
    /// The request as the client sent it.
    client: Request<()>,
    shadow: Shadow<S>,
    entry: Arc<Entry>,
    record: Arc<Record>,
    attempt: Attempt,
}

/// A check that has begun. It counts as failed until there is a verdict, be it that the inner service
/// panics.
struct Attempt {
    cache: Cache,
    route: Arc<str>,
    verdict: Verdict,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        trace::verified(&self.cache, &self.route, self.verdict);
    }
}

/// How a request differs from the one that filled the store.
struct Difference {
    /// What it has otherwise and can be taken from it.
    suspects: Vec<Name>,
    /// Those of them that the inner service does not see on a miss.
    withheld: Vec<Name>,
    /// What the inner service saw otherwise.
    seen: Vec<Name>,
    /// Those of them that cannot be taken from the request.
    fixed: Vec<Name>,
}

impl<S> Check<S> {
    async fn run<B, C>(mut self)
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
        C::Error: Into<BoxError>,
    {
        if let Some(verdict) = self.judge().await {
            self.attempt.verdict = verdict;
        }
    }

    async fn judge<B, C>(&mut self) -> Option<Verdict>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
        C::Error: Into<BoxError>,
    {
        let given = self.shadow.ask(&self.client).await?;
        let stored = self.shadow.stored(self.client.method(), &self.entry);
        let difference = self.difference();
        if given.digest == stored {
            let convicted = self.record.agreed(&difference.seen);
            if convicted.is_empty() {
                return Some(Verdict::Same);
            }
            self.report(&convicted, false);
            return Some(Verdict::WrongKey);
        }
        // What was purged meanwhile is what it should not be any more.
        let purged = self.entry.life(&self.attempt.cache.shared().stamps) != Life::Live;
        if given.status.is_server_error() || purged {
            return None;
        }
        let named = self.culprits(given.digest, &difference.suspects).await?;
        if named.is_empty() {
            // What can be taken away makes no difference: it is under suspicion only where nothing else
            // is. A value may be the one that is taken for none.
            self.record.differed(match &*difference.fixed {
                [] => &difference.seen,
                fixed => fixed,
            });
            return Some(Verdict::Stale);
        }
        let withheld = |name: &Name| difference.withheld.contains(name);
        let (withheld, seen): (Vec<_>, Vec<_>) = named.into_iter().partition(withheld);
        self.report(&withheld, true);
        self.report(&seen, false);
        Some(Verdict::WrongKey)
    }

    fn difference(&self) -> Difference {
        let (context, recorded) = (&self.shadow.context, &self.record.inputs);
        let selection = self.entry.head.selection();
        let sent = Inputs::of(context, &self.client);
        let narrowed = Inputs::of(context, &context.narrowed_shadow(&self.client));
        let suspects = sent.differing(recorded, selection);
        let (seen, withheld): (Vec<_>, Vec<_>) = suspects
            .iter()
            .cloned()
            .partition(|name| narrowed.has(name));
        let mut fixed = recorded.differing(&sent, selection);
        fixed.retain(|name| !sent.has(name));
        let seen = seen.into_iter().chain(fixed.iter().cloned()).collect();
        let (suspects, of_path): (Vec<_>, Vec<_>) = suspects.into_iter().partition(can_be_taken);
        fixed.extend(of_path);
        Difference {
            suspects,
            withheld,
            seen,
            fixed,
        }
    }

    /// Those of the suspects that change what the inner service gives; none if it gives the same
    /// without all of them, or something else each time.
    async fn culprits<B, C>(&mut self, given: Digest, suspects: &[Name]) -> Option<Vec<Name>>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
        C::Error: Into<BoxError>,
    {
        if suspects.is_empty() || !self.changes(given, suspects).await? {
            return Some(Vec::new());
        }
        if self.changes(given, &[]).await? {
            return Some(Vec::new());
        }
        let (mut left, mut calls) = (suspects, MAX_NAMING_CALLS);
        while left.len() > calls {
            let (first, second) = left.split_at(left.len() / 2);
            left = if self.changes(given, first).await? {
                first
            } else {
                second
            };
            calls -= 1;
        }
        let mut culprits = Vec::new();
        for suspect in left {
            if self.changes(given, std::slice::from_ref(suspect)).await? {
                culprits.push(suspect.clone());
            }
        }
        Some(if culprits.is_empty() {
            suspects.to_vec()
        } else {
            culprits
        })
    }

    /// Whether the inner service gives something else without these inputs.
    async fn changes<B, C>(&mut self, given: Digest, without: &[Name]) -> Option<bool>
    where
        S: Service<Request<B>, Response = Response<C>>,
        B: Default,
        C: Body,
        C::Error: Into<BoxError>,
    {
        let request = self.shadow.context.without(&self.client, without);
        Some(self.shadow.ask(&request).await?.digest != given)
    }

    fn report(&self, names: &[Name], withheld: bool) {
        if names.is_empty() {
            return;
        }
        let mut inputs: Vec<_> = names.iter().map(Name::told).collect();
        inputs.sort();
        let finding = Finding::wrong_key(&self.attempt.route, inputs.into(), withheld);
        self.attempt.cache.shared().findings.report(&finding);
    }
}

fn can_be_taken(name: &Name) -> bool {
    name.kind != InputKind::Path
}

/// So many calls are made to name the inputs that matter: enough to come down from 64 to four by
/// halves, and to look at those one by one.
const MAX_NAMING_CALLS: usize = 8;
