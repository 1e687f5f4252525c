//! A look into the store: what is there for a request, and what to do with it.

use std::ops::Deref;
use std::sync::Arc;

use larder_policy::fields::ForwardReason;
use larder_policy::key::{KeyBuf, Selection};
use larder_policy::{Decision, RequestHead, Serving};

use crate::context::Context;
use crate::entry::Entry;
use crate::sight::Moment;
use crate::tier::Held;
use crate::variants::{Selected, Variants};

/// What a look found.
pub(crate) enum Use {
    /// Nothing that answers the request; with the selecting values, if it is known which fields
    /// select.
    Miss(ForwardReason, Box<[u8]>),
    /// With what lets it be served, should it be stale.
    Serve(Found, Serving, &'static str),
    /// Stale, and to be validated in the background.
    ServeWhileValidating(Found, Serving),
    Validate(ForwardReason, Arc<Entry>),
}

/// A stored response that answers a request.
#[derive(Debug)]
pub(crate) enum Found {
    /// The most recent of its key, with the others: all that a hit has to hold on to, and whoever holds
    /// on to less writes more to memory that other threads read.
    Newest(Arc<Held<Variants>>),
    Other(Arc<Entry>),
}

impl Deref for Found {
    type Target = Arc<Entry>;

    fn deref(&self) -> &Arc<Entry> {
        match self {
            Self::Newest(held) => held.newest(),
            Self::Other(entry) => entry,
        }
    }
}

/// What is stored under a key, for this request.
pub(crate) fn look(context: &Context, head: &RequestHead<'_>, key: &[u8]) -> Use {
    let shared = context.cache.shared();
    let miss = || Use::Miss(ForwardReason::UriMiss, Box::default());
    // Before the look: a purge that is heard meanwhile is not yet seen in it.
    let heard = shared.heard();
    let Some(held) = shared.memory.get(key) else {
        return miss();
    };
    let entry = match held.select(head.headers(), &shared.stamps) {
        Selected::Match(entry) => entry,
        Selected::Mismatch(selection) => {
            let variant = variant(selection, head);
            return Use::Miss(ForwardReason::VaryMiss, variant);
        }
        Selected::None => return miss(),
    };
    let verdict = judge(context, head, key, entry, heard);
    let other = (!Arc::ptr_eq(entry, held.newest())).then(|| Arc::clone(entry));
    verdict.of(other.map_or_else(|| Found::Newest(held), Found::Other))
}

/// The same of what was just found elsewhere, whether or not the memory has it.
pub(crate) fn look_at(
    context: &Context,
    head: &RequestHead<'_>,
    key: &[u8],
    entry: &Arc<Entry>,
) -> Use {
    let shared = context.cache.shared();
    // Before the look, as above.
    let heard = shared.heard();
    if !entry.is_live(&shared.stamps) {
        return Use::Miss(ForwardReason::UriMiss, Box::default());
    }
    let selection = entry.head.selection();
    if !selection.matches(head.headers()) {
        return Use::Miss(ForwardReason::VaryMiss, variant(selection, head));
    }
    judge(context, head, key, entry, heard).of(Found::Other(Arc::clone(entry)))
}

/// What is to be done with what was found.
enum Verdict {
    Forget,
    Serve(Serving, &'static str),
    ServeWhileValidating(Serving),
    Validate(ForwardReason),
}

impl Verdict {
    #[inline]
    fn of(self, found: Found) -> Use {
        match self {
            Self::Serve(serving, detail) => Use::Serve(found, serving, detail),
            Self::ServeWhileValidating(serving) => Use::ServeWhileValidating(found, serving),
            Self::Validate(reason) => Use::Validate(reason, Arc::clone(&found)),
            Self::Forget => Use::Miss(ForwardReason::UriMiss, Box::default()),
        }
    }
}

/// What to do with a stored response that the request selects, looked at when so much had been heard.
#[inline(always)]
fn judge(
    context: &Context,
    head: &RequestHead<'_>,
    key: &[u8],
    entry: &Arc<Entry>,
    heard: Moment,
) -> Verdict {
    let shared = context.cache.shared();
    let now = shared.clock.nano_now();
    let serving = shared.serving_as_of(entry, now, heard);
    match context.policy.decide_served(head, &entry.head, serving) {
        Decision::Serve(serving) => {
            // A client that wants no more than what is stored accepts what a stale window allows.
            let detail = if head.directives().only_if_cached() {
                STALE_WHILE_REVALIDATE
            } else {
                MAX_STALE
            };
            Verdict::Serve(serving, detail)
        }
        Decision::ServeWhileValidating(serving) => Verdict::ServeWhileValidating(serving),
        Decision::Forget => {
            context.cache.forget(key, entry);
            Verdict::Forget
        }
        Decision::Validate(reason) => {
            // The inner service failed a moment ago.
            if reason == ForwardReason::Stale
                && entry.is_throttled(now.get())
                && let Some(serving) =
                    context
                        .policy
                        .serves_on_failure_served(head, &entry.head, serving)
            {
                return Verdict::Serve(serving, STALE_IF_ERROR);
            }
            Verdict::Validate(reason)
        }
        _ => Verdict::Validate(ForwardReason::Stale),
    }
}

/// The selecting values of a request, where these fields select.
pub(crate) fn variant(selection: &Selection, head: &RequestHead<'_>) -> Box<[u8]> {
    let mut values = KeyBuf::new();
    Selection::encode(selection.names(), head.headers(), &mut values);
    values.as_slice().into()
}

pub(crate) const MAX_STALE: &str = "max-stale";
pub(crate) const STALE_IF_ERROR: &str = "stale-if-error";
pub(crate) const STALE_WHILE_REVALIDATE: &str = "stale-while-revalidate";
