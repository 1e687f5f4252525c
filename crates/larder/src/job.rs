//! A request on its way to the inner service: what was asked, and what may come of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Request, StatusCode};
use larder_policy::Credentials;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::key::MethodClass;
use tracing::Span;

use crate::around::Around;
use crate::cardinality::Cardinality;
use crate::context::Context;
use crate::entry::Entry;
use crate::errand::{Came, Errand};
use crate::fleet::HeldLease;
use crate::landing::{Landing, Leader};
use crate::marks::Scope;
use crate::place::Place;
use crate::record::Record;
use crate::sent::Sent;
use crate::stamps::Hold;
use crate::timer::Timer;
use crate::trace::{self, Outcome};
use crate::tripwire::Caller;

/// One forwarded request.
pub(crate) struct Job {
    pub(crate) context: Arc<Context>,
    pub(crate) sent: Sent,
    pub(crate) fetch: Box<Fetch>,
    /// Purges since it began are not forgotten.
    pub(crate) hold: Hold,
    /// The flight this request leads.
    pub(crate) leader: Option<Leader>,
    /// It fetches for all nodes.
    pub(crate) lease: Option<HeldLease>,
    /// Other nodes were asked.
    pub(crate) consulted: bool,
    /// It waited for another's response first, and could not use it.
    pub(crate) waited: bool,
    /// Another layer of the same cache took part.
    pub(crate) has_inner: bool,
    /// No client waits: the request was made to validate a stored response.
    pub(crate) unattended: bool,
    /// Who asks, where the route has its responses searched for that.
    pub(crate) caller: Option<Caller>,
    /// Those of the client on whose occasion it was made, or whose request was narrowed, as far as
    /// the inner service may know of them.
    pub(crate) credentials: Credentials,
    /// Set once its client was answered although the inner service has not.
    pub(crate) answered: Option<Arc<AtomicBool>>,
    /// The inner service's work, and what comes of it.
    pub(crate) span: Span,
    /// Those of its route, if they are counted.
    pub(crate) keys: Option<Arc<Cardinality>>,
    /// What the route is called in reports; known where its inputs are declared.
    pub(crate) route: Option<Arc<str>>,
    /// Who wants to know what comes of it.
    pub(crate) errand: Option<Errand>,
    /// What is sent and not in the key, if hits are checked.
    pub(crate) record: Option<Arc<Record>>,
}

impl Job {
    fn new(context: Arc<Context>, sent: Sent, fetch: Box<Fetch>, hold: Hold) -> Self {
        Self {
            hold,
            context,
            sent,
            fetch,
            leader: None,
            lease: None,
            consulted: false,
            waited: false,
            has_inner: false,
            unattended: false,
            caller: None,
            credentials: Credentials::default(),
            answered: None,
            span: Span::none(),
            keys: None,
            route: None,
            errand: None,
            record: None,
        }
    }

    /// A request of which the inner service sees what its route declares. Its fields are given
    /// [back](Sent::give_back) before it is sent: most that another node answers are not.
    pub(crate) fn narrowed<B>(
        context: Arc<Context>,
        request: &mut Request<B>,
        fetch: Box<Fetch>,
        credentials: Credentials,
    ) -> Self {
        let route = context
            .key
            .is_some()
            .then(|| context.route_of(request).into());
        let name = context.route_name(request.extensions());
        let keys = context.budgets.as_deref().map(|budgets| budgets.of(name));
        // Nothing that the inner service is to see.
        let errand = request.extensions_mut().remove();
        let credentials = context.narrow(request, credentials);
        let sent = Sent::take(&context, request, fetch.no_cache_honoured);
        let hold = context.cache.shared().stamps.hold();
        Self {
            credentials,
            errand,
            keys,
            route,
            ..Self::new(context, sent, fetch, hold)
        }
    }

    /// Why the request was forwarded, to say in its response.
    pub(crate) fn status(&self) -> CacheStatus {
        let status = CacheStatus::forward(self.fetch.reason);
        if self.waited {
            status.collapsed(false)
        } else {
            status
        }
    }

    /// Tells what came back.
    pub(crate) fn forwarded(&self, status: StatusCode) {
        let (reason, status) = (self.fetch.reason, status.as_u16());
        trace::answered(&self.context.cache, Outcome::Forwarded { reason, status });
    }

    /// Tells that nothing usable came back.
    pub(crate) fn failed(&self) {
        let reason = self.fetch.reason;
        trace::answered(&self.context.cache, Outcome::Failed { reason });
    }

    /// Lets the followers have what came of it. Whoever comes later looks for himself.
    pub(crate) fn land(&mut self, landing: Landing) {
        if let Some(leader) = self.leader.take() {
            leader.conclude(landing);
        }
    }

    /// A response was stored, for whoever it matches.
    pub(crate) fn landed(&mut self, entry: &Arc<Entry>) {
        let shared = self.context.cache.shared();
        shared.marks.clear(shared.mark_of(&self.fetch.key));
        self.land(Landing::Stored(Arc::clone(entry)));
    }

    /// The stored response that goes on answering until all of a new one has come, where no client
    /// waits for that.
    pub(crate) fn outlived(&self) -> Option<(&[u8], &Arc<Entry>)> {
        let (key, entry) = self.fetch.stored.as_ref().filter(|_| self.unattended)?;
        Some((key, entry))
    }

    /// The same request, without its flight, to answer while it goes on.
    pub(crate) fn twin(&mut self) -> Self {
        let (context, sent) = (Arc::clone(&self.context), self.sent.clone());
        let (fetch, hold) = (self.fetch.clone(), self.hold.clone());
        let answered = self.answered.get_or_insert_default();
        Self {
            answered: Some(Arc::clone(answered)),
            credentials: self.credentials,
            keys: self.keys.clone(),
            route: self.route.clone(),
            ..Self::new(context, sent, fetch, hold)
        }
    }

    /// Tells whoever sent the request what came of it, unless it was for another layer to tell.
    pub(crate) fn note(&self, came: Came) {
        if let Some(errand) = self.errand.as_ref().filter(|_| !self.has_inner) {
            errand.note(came);
        }
    }

    /// A stored response is no longer of use, unless it is for another layer to say.
    pub(crate) fn forget(&self, key: &[u8], entry: &Arc<Entry>) {
        if !self.has_inner {
            self.context.cache.forget(key, entry);
        }
    }

    /// Another layer of the same cache takes part. Those who follow go on to it, and may find there
    /// what this request has to wait for.
    pub(crate) fn set_inner(&mut self) {
        if !self.has_inner
            && let Some(leader) = &self.leader
        {
            leader.land(Landing::Alone(Scope::Everybody));
        }
        // Nor do other nodes wait for what only the other layer stores.
        if let Some(lease) = self.lease.take() {
            lease.alone(self.context.cache.shared().marks.lasts());
        }
        self.has_inner = true;
    }

    /// What layers within are to know.
    pub(crate) fn around(&self) -> Around {
        let flight = self.leader.as_ref().map(Leader::flight);
        let validated = self.outlived().map(|(_, entry)| entry);
        let (cache, errand) = (&self.context.cache, self.errand.clone());
        Around::new(cache, flight.cloned(), validated.cloned(), errand)
            .with_lease(self.lease.as_ref().and_then(HeldLease::token))
    }

    /// Nobody waits for the answer.
    pub(crate) fn is_answered(&self) -> bool {
        let answered = self.answered.as_ref();
        self.unattended || answered.is_some_and(|answered| answered.load(Ordering::Relaxed))
    }

    /// Answers the client, or takes it back.
    pub(crate) fn set_answered(&self, is: bool) {
        if let Some(answered) = &self.answered {
            answered.store(is, Ordering::Relaxed);
        }
    }

    pub(crate) fn timer(&self) -> &Timer {
        &self.context.cache.shared().timer
    }
}

/// A request that has to be forwarded, and what may come of it.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) class: MethodClass,
    pub(crate) key: Arc<[u8]>,
    pub(crate) reason: ForwardReason,
    /// What its response is named by.
    pub(crate) place: Place,
    /// Of the client's `no-cache`, where that was decided.
    pub(crate) no_cache_honoured: Option<bool>,
    /// The selecting values, where stored responses show which fields select.
    pub(crate) variant: Box<[u8]>,
    /// For a HEAD: what a response to GET would stand under, that answers it too.
    pub(crate) key_of_get: Option<Arc<[u8]>>,
    /// What is to be validated, and the key it stands under.
    pub(crate) stored: Option<(Arc<[u8]>, Arc<Entry>)>,
}
