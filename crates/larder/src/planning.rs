//! What is to be done about a request: looked up, and decided without waiting for anything.

use std::sync::Arc;

use http::Extensions;
use larder_policy::fields::ForwardReason;
use larder_policy::key::{KeyBuf, MethodClass, QueryBuf};
use larder_policy::{BypassReason, Lookup, RequestHead, Serving};

use crate::around::validates;
use crate::asked::Asked;
use crate::context::Context;
use crate::entry::Entry;
use crate::errand::{Came, Errand};
use crate::fetching::{fetch, forwarded, refresh, renewal};
use crate::forced::Forced;
use crate::job::Fetch;
use crate::look::{STALE_WHILE_REVALIDATE, Use, look};
use crate::plan::Plan;
use crate::query::content;
use crate::turn::Turn;
use crate::view::RequestView;

/// `renews`: what is stored is to be validated although it is fresh.
pub(crate) fn plan(
    context: &Context,
    head: &RequestHead<'_>,
    extensions: &Extensions,
    renews: bool,
) -> Plan {
    match consider(context, head, extensions, renews) {
        done @ (Plan::Forbid | Plan::Serve(..) | Plan::Refresh(..)) => done,
        done if renews => done,
        _ if context.policy.only_if_cached(head) => Plan::Refuse,
        forward => forward,
    }
}

/// A request as it has to be forwarded when nothing is stored for it; else what becomes of one that
/// is not looked up.
pub(crate) fn unstored(
    context: &Context,
    head: &RequestHead<'_>,
    extensions: &Extensions,
) -> Result<Box<Fetch>, Plan> {
    let plan = with_asked(context, head, extensions, |asked, class| {
        let mut key = KeyBuf::new();
        asked.key_into(context, class, &mut key);
        if key.len() > context.cache.shared().limits.max_key_bytes {
            return Plan::Bypass(BypassReason::KeyTooLong);
        }
        let miss = Use::Miss(ForwardReason::UriMiss, Box::default());
        fetch(
            context,
            asked,
            (class, Arc::from(&*key)),
            miss,
            Arc::default(),
        )
    });
    match plan {
        Plan::Fetch(fetch) => Ok(fetch),
        other => Err(other),
    }
}

fn consider(
    context: &Context,
    head: &RequestHead<'_>,
    extensions: &Extensions,
    renews: bool,
) -> Plan {
    with_asked(context, head, extensions, |asked, class| {
        let (decided, asked_as_decided);
        let asked = match &context.forced {
            Some(forced) if !renews && head.directives().no_cache() => {
                let Some(head) = decide_forced(context, asked, forced) else {
                    return Plan::Forbid;
                };
                decided = head;
                asked_as_decided = asked.with_head(&decided);
                &asked_as_decided
            }
            _ => asked,
        };
        look_up(context, asked, class, renews)
    })
}

/// A request that asks for validation, on a route that decides who may. `None`: this one may not.
#[cold]
fn decide_forced<'a>(
    context: &Context,
    asked: &Asked<'a>,
    forced: &Forced,
) -> Option<RequestHead<'a>> {
    let head = asked.head;
    let view = RequestView {
        method: head.method(),
        uri: head.uri(),
        headers: head.headers(),
        extensions: asked.extensions,
        route: context.route_in_key(asked.extensions),
    };
    forced.decide(head, &view)
}

/// Works out what is asked for, if the cache may take part.
fn with_asked(
    context: &Context,
    head: &RequestHead<'_>,
    extensions: &Extensions,
    then: impl FnOnce(&Asked<'_>, MethodClass) -> Plan,
) -> Plan {
    let class = match context.policy.lookup(head) {
        Lookup::Use(class) => class,
        Lookup::Bypass(reason @ BypassReason::Override) => return Plan::Unsafe(Some(reason)),
        Lookup::Bypass(reason) => return Plan::Bypass(reason),
        _ => return Plan::Unsafe(None),
    };
    if context.invalid_key {
        return Plan::Bypass(BypassReason::InvalidKey);
    }
    let with_content;
    let head = if class == MethodClass::Query {
        let Some(content) = content::of(extensions) else {
            return Plan::Bypass(BypassReason::Content);
        };
        with_content = head.with_query_content(content);
        &with_content
    } else {
        head
    };
    let partition = match context.partition(extensions) {
        Ok(partition) => partition,
        Err(reason) => return Plan::Bypass(reason),
    };
    match context.policy.target(head) {
        Ok(target) => match &context.key {
            None => then(
                &Asked::new(head, extensions, &target, None, &partition),
                class,
            ),
            Some(key) => {
                let route = key.is_by_route().then(|| context.route_in_key(extensions));
                let (route, mut query) = (route.flatten(), QueryBuf::new());
                let target = key.target(&target, route, &mut query);
                then(
                    &Asked::new(head, extensions, &target, route, &partition),
                    class,
                )
            }
        },
        Err(reason) => Plan::Bypass(reason),
    }
}

/// What is stored under the key of a HEAD, where what is stored for GET does not answer it for this
/// reason.
#[cold]
fn look_for_head(
    context: &Context,
    asked: &Asked<'_>,
    key: &mut KeyBuf,
    reason: ForwardReason,
) -> Use {
    asked.key_into(context, MethodClass::Head, key);
    match look(context, asked.head, key) {
        Use::Miss(ForwardReason::UriMiss, variant) => Use::Miss(reason, variant),
        used => used,
    }
}

fn look_up(context: &Context, asked: &Asked<'_>, class: MethodClass, renews: bool) -> Plan {
    let head = asked.head;
    let mut key = KeyBuf::new();
    // GET's responses answer HEAD too.
    let first = match class {
        MethodClass::Query => class,
        _ => MethodClass::Get,
    };
    asked.key_into(context, first, &mut key);
    if key.len() > context.cache.shared().limits.max_key_bytes {
        return Plan::Bypass(BypassReason::KeyTooLong);
    }
    let mut used = look(context, head, &key);
    // Where GET's responses do not answer a HEAD, its own may.
    if class == MethodClass::Head
        && let Use::Miss(reason, _) = used
    {
        used = look_for_head(context, asked, &mut key, reason);
    }
    if renews {
        return renewed(context, asked, class, used, &mut key);
    }
    match used {
        Use::Serve(entry, serving, detail) => {
            if is_due_early(context, head, &entry, serving)
                && let Some(turn) = Turn::take(context, &entry)
            {
                return refresh(asked, &key, turn, serving);
            }
            Plan::Serve(entry, serving, detail)
        }
        Use::ServeWhileValidating(entry, serving) => match Turn::take(context, &entry) {
            None => Plan::Serve(entry, serving, STALE_WHILE_REVALIDATE),
            Some(turn) => refresh(asked, &key, turn, serving),
        },
        forward => forwarded(context, asked, class, forward, &mut key),
    }
}

/// As a client's request, but that what was found is validated although it is fresh, if an errand says
/// so and nobody else is at it.
#[cold]
fn renewed(
    context: &Context,
    asked: &Asked<'_>,
    class: MethodClass,
    used: Use,
    key: &mut KeyBuf,
) -> Plan {
    let now = context.cache.shared().clock.now();
    let (entry, serving) = match &used {
        Use::Miss(..) => return forwarded(context, asked, class, used, key),
        Use::Serve(entry, serving, _) | Use::ServeWhileValidating(entry, serving) => {
            (&**entry, *serving)
        }
        Use::Validate(_, entry) => (entry, context.cache.shared().serving(entry, now)),
    };
    let errand = Errand::of(asked.extensions);
    let validates = matches!(used, Use::Validate(..));
    if let Some(errand) = errand.filter(|errand| !validates && !errand.is_due(entry, serving, now))
    {
        errand.kept(serving, now, false);
    } else if let Some(turn) = turn(context, entry) {
        return Plan::Renew(Box::new((renewal(asked, key, turn.entry()), turn)));
    } else if let Some(errand) = errand {
        errand.note(Came::Busy);
    }
    match used {
        Use::Serve(entry, serving, detail) => Plan::Serve(entry, serving, detail),
        Use::ServeWhileValidating(entry, serving) => {
            Plan::Serve(entry, serving, STALE_WHILE_REVALIDATE)
        }
        forward => forwarded(context, asked, class, forward, key),
    }
}

fn turn(context: &Context, entry: &Arc<Entry>) -> Option<Turn> {
    if validates(&context.cache, entry) {
        Some(Turn::lent(context, entry))
    } else {
        Turn::take(context, entry)
    }
}

/// A fresh response that is about to expire. A client that wants no more than what is stored starts
/// no work.
fn is_due_early(
    context: &Context,
    head: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
) -> bool {
    let early = context.filling.early_refresh;
    if early.is_off() || serving.is_stale() || head.directives().only_if_cached() {
        return false;
    }
    let now = context.cache.shared().clock.now();
    let held = now.duration_since(entry.begun()).unwrap_or_default();
    early.is_due(serving, held, entry.fill_time())
}
