//! [`Tagging`]: the tags that a route gives its responses.

use std::fmt;
use std::sync::Arc;

use larder_policy::SkipReason;

use crate::naming::{Hashes, Naming};
use crate::view::RequestView;

type TagWith = dyn Fn(&RequestView<'_>, &mut Vec<String>) + Send + Sync;

/// Tags that are always the same, and functions that find more in the request.
#[derive(Clone, Default)]
pub(crate) struct Tagging {
    fixed: Vec<Arc<str>>,
    found: Vec<Arc<TagWith>>,
    /// Those that are always the same, if there are no others: made when it is known which cache the
    /// tags are for.
    hashed: Option<Result<Hashes, SkipReason>>,
}

impl Tagging {
    pub(crate) fn add(&mut self, tag: &str) {
        self.fixed.push(tag.into());
    }

    pub(crate) fn add_with<I>(
        &mut self,
        find: impl Fn(&RequestView<'_>) -> I + Send + Sync + 'static,
    ) where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let find = move |request: &RequestView<'_>, tags: &mut Vec<String>| {
            tags.extend(find(request).into_iter().map(Into::into));
        };
        self.found.push(Arc::new(find));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.found.is_empty()
    }

    /// The same for one cache.
    pub(crate) fn in_cache(&self, naming: &Naming) -> Self {
        let fixed = self.fixed.iter().map(|tag| &**tag);
        let hashed = self.found.is_empty().then(|| naming.tags(fixed));
        Self {
            hashed,
            ..self.clone()
        }
    }

    /// The tags of the response to a request, or why it is not to be stored with them.
    pub(crate) fn of(
        &self,
        naming: &Naming,
        request: &RequestView<'_>,
    ) -> Result<Hashes, SkipReason> {
        if let Some(hashed) = &self.hashed {
            return hashed.clone();
        }
        let mut found = Vec::new();
        for find in &self.found {
            find(request, &mut found);
        }
        let fixed = self.fixed.iter().map(|tag| &**tag);
        naming.tags(fixed.chain(found.iter().map(String::as_str)))
    }
}

impl fmt::Debug for Tagging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tagging")
            .field("fixed", &self.fixed)
            .finish_non_exhaustive()
    }
}
