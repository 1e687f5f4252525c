//! [`Tagging`]: the tags that a route gives its responses.

use std::fmt;
use std::sync::Arc;

use crate::view::RequestView;

type TagWith = dyn Fn(&RequestView<'_>, &mut Vec<String>) + Send + Sync;

/// Tags that are always the same, and functions that find more in the request.
#[derive(Clone, Default)]
pub(crate) struct Tagging {
    fixed: Vec<Arc<str>>,
    found: Vec<Arc<TagWith>>,
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

    /// The tags of the response to a request.
    pub(crate) fn of(&self, request: &RequestView<'_>) -> Vec<String> {
        let mut tags = self.fixed.iter().map(ToString::to_string).collect();
        for find in &self.found {
            find(request, &mut tags);
        }
        tags
    }
}

impl fmt::Debug for Tagging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tagging")
            .field("fixed", &self.fixed)
            .finish_non_exhaustive()
    }
}
