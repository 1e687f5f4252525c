//! What came of a look into the store.

use std::sync::Arc;

use http::Response;
use larder_policy::Serving;
use larder_policy::fields::ForwardReason;

use crate::body::ResponseBody;
use crate::entry::Entry;
use crate::job::{Fetch, Job};
use crate::look::{STALE_WHILE_REVALIDATE, Use};
use crate::names::Names;
use crate::reply;
use crate::turn::Turn;

/// What came of a look into the store.
pub(super) enum Took {
    /// Something that answers the request.
    Answer(Fit),
    /// Something that was purged. It was named so, and what takes its place may be too.
    Dead(Names),
    /// Nothing of use.
    Nothing,
    /// Which fields select: to be looked again.
    Rule,
}

/// What another node has stored answers the request.
pub(super) struct Fit {
    key: Arc<[u8]>,
    entry: Arc<Entry>,
    serving: Serving,
    /// What lets it be served, should it be stale.
    detail: &'static str,
    /// It is to be validated meanwhile.
    is_due: bool,
}

/// A validation that is to begin now that its stored response has answered a request.
pub(crate) type Due = Option<(Box<Fetch>, Turn)>;

impl Job {
    /// What is good for an answer is one, as it is where it was in the memory. Who validates without a client
    /// does not put that off.
    pub(super) fn taken(&mut self, used: Use) -> Took {
        let key = Arc::clone(&self.fetch.key);
        let (entry, serving, detail, is_due) = match used {
            Use::Serve(entry, serving, detail) => (entry, serving, detail, false),
            Use::ServeWhileValidating(entry, serving) if !self.unattended => {
                (entry, serving, STALE_WHILE_REVALIDATE, true)
            }
            Use::ServeWhileValidating(entry, _) => {
                self.fetch.reason = ForwardReason::Stale;
                self.fetch.stored = Some((key, Arc::clone(&entry)));
                return Took::Nothing;
            }
            Use::Validate(reason, entry) => {
                self.fetch.reason = reason;
                self.fetch.stored = Some((key, entry));
                return Took::Nothing;
            }
            Use::Miss(..) => return Took::Nothing,
        };
        Took::Answer(Fit {
            key,
            entry: Arc::clone(&entry),
            serving,
            detail,
            is_due,
        })
    }

    /// Answers, and tells what is to be validated.
    pub(super) fn answer_shared<C>(&mut self, fit: Fit) -> (Response<ResponseBody<C>>, Due) {
        let context = Arc::clone(&self.context);
        let Fit {
            key,
            entry,
            serving,
            detail,
            is_due,
        } = fit;
        let response = reply::shared_hit(&context, &self.sent.head(), &entry, serving, detail);
        self.landed(&entry);
        let turn = is_due.then(|| Turn::take(&context, &entry)).flatten();
        let due = turn.map(|turn| {
            let fetch = Fetch {
                class: entry.head.class(),
                key: Arc::clone(&key),
                key_of_get: None,
                reason: ForwardReason::Stale,
                place: self.fetch.place.clone(),
                no_cache_honoured: None,
                variant: entry.head.selection().encoded().into(),
                stored: Some((key, entry)),
            };
            (Box::new(fetch), turn)
        });
        (response, due)
    }
}
