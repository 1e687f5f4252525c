//! What a function that names things may give in place of a [`Purge`]: collections, which are of tags.
//!
//! A text alone is none of them: it may be a tag or a URL.

use std::collections::{BTreeSet, HashSet};

use super::what::Purge;

/// Nothing.
impl From<()> for Purge {
    fn from((): ()) -> Self {
        Self::any_tag([""; 0])
    }
}

/// Nothing, or what is in it.
impl<T: Into<Self>> From<Option<T>> for Purge {
    fn from(purge: Option<T>) -> Self {
        purge.map_or_else(|| ().into(), Into::into)
    }
}

/// What has at least one of these tags, as [`Purge::any_tag`].
impl<T: Into<String>, const N: usize> From<[T; N]> for Purge {
    fn from(tags: [T; N]) -> Self {
        Self::any_tag(tags)
    }
}

/// What has at least one of these tags, as [`Purge::any_tag`].
impl<T: Into<String>> From<Vec<T>> for Purge {
    fn from(tags: Vec<T>) -> Self {
        Self::any_tag(tags)
    }
}

/// What has at least one of these tags, as [`Purge::any_tag`].
impl<T: Into<String>> From<BTreeSet<T>> for Purge {
    fn from(tags: BTreeSet<T>) -> Self {
        Self::any_tag(tags)
    }
}

/// What has at least one of these tags, as [`Purge::any_tag`].
impl<T: Into<String>, S> From<HashSet<T, S>> for Purge {
    fn from(tags: HashSet<T, S>) -> Self {
        Self::any_tag(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_are_of_tags() {
        let any = || Purge::any_tag(["a", "b"]);
        assert_eq!(Purge::from(["a", "b"]), any());
        assert_eq!(Purge::from(["a".to_owned(), "b".to_owned()]), any());
        assert_eq!(Purge::from(vec!["a", "b"]), any());
        assert_eq!(Purge::from(vec!["a".to_owned(), "b".to_owned()]), any());
        assert_eq!(Purge::from(BTreeSet::from(["b", "a"])), any());
        assert_eq!(Purge::from(HashSet::from(["a"])), Purge::tag("a"));
        assert_eq!(Purge::from(Some(["a", "b"])), any());
        let soft = Purge::tag("a").soft();
        assert_eq!(Purge::from(Some(soft.clone())), soft);
    }

    #[test]
    fn nothing_is_nothing() {
        assert!(Purge::from(()).is_empty());
        assert!(Purge::from(None::<Purge>).is_empty());
        assert!(Purge::from(Vec::<String>::new()).is_empty());
        assert!(!Purge::from([""]).is_empty());
        assert!(!Purge::everything().is_empty());
    }
}
