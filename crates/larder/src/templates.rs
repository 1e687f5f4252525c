//! What the heads of stored responses have in common, kept once.

use std::collections::HashSet;
use std::sync::{LazyLock, PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;
use larder_policy::Template;
use rapidhash::fast::RandomState;

/// The templates that stored responses share. Few, for an API has few kinds of responses: what is
/// beyond these, or large, each response keeps and counts for itself.
#[derive(Debug, Default)]
pub(crate) struct Templates(RwLock<HashSet<Template, RandomState>>);

impl Templates {
    /// One that is equal, for as many as ask.
    pub(crate) fn shared(&self, template: &Template) -> Option<Template> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(template) {
            return Some(known.clone());
        }
        drop(known);
        if template.len() > MAX_LINES {
            return None;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_TEMPLATES {
            known.retain(|template| !template.is_unused());
        }
        if known.len() >= MAX_TEMPLATES {
            return None;
        }
        let new = template.with_values(lasting)?;
        known.replace(new.clone());
        Some(new)
    }
}

/// The same value as one that lasts for the life of the process, so that nobody counts who has it: all
/// threads copy it with every answer. `None` where there are too many already.
fn lasting(value: &HeaderValue) -> Option<HeaderValue> {
    let bytes = value.as_bytes();
    let known = VALUES.read().unwrap_or_else(PoisonError::into_inner);
    let found = known.get(bytes).copied();
    drop(known);
    let bytes = found.or_else(|| {
        let mut known = VALUES.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_VALUES || bytes.len() > MAX_VALUE_BYTES {
            return None;
        }
        let lasting: &'static [u8] = Box::leak(bytes.into());
        known.insert(lasting);
        Some(lasting)
    })?;
    HeaderValue::from_maybe_shared(Bytes::from_static(bytes)).ok()
}

static VALUES: LazyLock<RwLock<HashSet<&'static [u8], RandomState>>> =
    LazyLock::new(RwLock::default);

/// Of each cache. With as many lines as there may be, and values as long as they may be, some 300 KiB.
const MAX_TEMPLATES: usize = 128;
const MAX_LINES: usize = 20;

/// Of the process: 128 KiB.
const MAX_VALUES: usize = 512;
const MAX_VALUE_BYTES: usize = 256;
