//! The fetch that a request has to wait for, or that is made on its occasion.

use std::sync::Arc;

use larder_policy::Serving;
use larder_policy::fields::ForwardReason;
use larder_policy::key::{KeyBuf, MethodClass};

use crate::asked::Asked;
use crate::context::Context;
use crate::entry::Entry;
use crate::job::Fetch;
use crate::look::{STALE_WHILE_REVALIDATE, Use, variant};
use crate::plan::Plan;
use crate::turn::Turn;

/// What was found under a key does not answer the request.
#[cold]
pub(crate) fn forwarded(
    context: &Context,
    asked: &Asked<'_>,
    class: MethodClass,
    forward: Use,
    key: &mut KeyBuf,
) -> Plan {
    let found = Arc::<[u8]>::from(&**key);
    // Only a HEAD is looked up under the key of another.
    let own = if class == MethodClass::Head {
        asked.key_into(context, class, key);
        Arc::from(&**key)
    } else {
        Arc::clone(&found)
    };
    fetch(context, asked, (class, own), forward, found)
}

/// A request that has to be forwarded. What is to be validated stands under the key `found`.
#[cold]
pub(crate) fn fetch(
    context: &Context,
    asked: &Asked<'_>,
    (class, key): (MethodClass, Arc<[u8]>),
    used: Use,
    found: Arc<[u8]>,
) -> Plan {
    let (reason, variant, stored) = match used {
        Use::Miss(reason, variant) => (reason, variant, None),
        Use::Validate(reason, entry) => {
            let variant = variant(entry.head.selection(), asked.head);
            (reason, variant, Some((found, entry)))
        }
        Use::Serve(entry, serving, detail) => return Plan::Serve(entry, serving, detail),
        Use::ServeWhileValidating(entry, serving) => {
            return Plan::Serve(entry, serving, STALE_WHILE_REVALIDATE);
        }
    };
    Plan::Fetch(Box::new(Fetch {
        class,
        key,
        key_of_get: key_of_get(context, asked, class),
        reason,
        place: asked.place(),
        no_cache_honoured: asked.head.no_cache_honoured(),
        variant,
        stored,
    }))
}

/// Where others may have what answers a HEAD.
fn key_of_get(context: &Context, asked: &Asked<'_>, class: MethodClass) -> Option<Arc<[u8]>> {
    if class != MethodClass::Head || context.cache.shared().fleet.is_none() {
        return None;
    }
    let mut key = KeyBuf::new();
    asked.key_into(context, MethodClass::Get, &mut key);
    Some(Arc::from(&*key))
}

/// A hit, and the validation of what it is served from by a request that no client made.
#[cold]
pub(crate) fn refresh(asked: &Asked<'_>, key: &[u8], turn: Turn, serving: Serving) -> Plan {
    let entry = Arc::clone(turn.entry());
    let fetch = renewal(asked, key, &entry);
    Plan::Refresh(entry, serving, Box::new((fetch, turn)))
}

/// The validation of what stands under a key by a request that no client made.
pub(crate) fn renewal(asked: &Asked<'_>, key: &[u8], entry: &Arc<Entry>) -> Box<Fetch> {
    let key = Arc::<[u8]>::from(key);
    Box::new(Fetch {
        class: entry.head.class(),
        key: Arc::clone(&key),
        key_of_get: None,
        reason: ForwardReason::Stale,
        place: asked.place(),
        no_cache_honoured: None,
        variant: entry.head.selection().encoded().into(),
        stored: Some((key, Arc::clone(entry))),
    })
}
