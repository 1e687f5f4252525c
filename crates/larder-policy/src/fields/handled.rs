//! `Cache-Status` (RFC 9211) as a reader has it: what a cache said it did.

use http::header::CACHE_STATUS;
use http::{HeaderMap, StatusCode};
use sfv::{BareItem, List, ListEntry, Parameters, Parser};

use super::cache_status::{CacheName, CacheStatus};
use super::list::combine;

/// How a cache said it handled a request: see [`CacheStatus::read`].
///
/// The field is information and no command (RFC 9211 section 6): whoever reads it believes the cache.
/// What the standard does not define is passed over, and so is a parameter of another type than the
/// standard gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handled {
    hit: bool,
    stored: bool,
    collapsed: bool,
    forwarded: Option<Box<str>>,
    status: Option<StatusCode>,
    ttl: Option<i64>,
    detail: Option<Box<str>>,
}

impl Handled {
    /// Answered from the cache, without a forward.
    #[must_use]
    pub const fn is_hit(&self) -> bool {
        self.hit
    }

    /// The response was stored, or is being stored while its body comes.
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        self.stored
    }

    /// The request shared the response to another one.
    #[must_use]
    pub const fn is_collapsed(&self) -> bool {
        self.collapsed
    }

    /// Why the request was forwarded, in the words of RFC 9211 section 2.2, if it was.
    #[must_use]
    pub fn forwarded(&self) -> Option<&str> {
        self.forwarded.as_deref()
    }

    /// The status that the forwarded request was answered with, if the cache tells.
    #[must_use]
    pub const fn fwd_status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Seconds of freshness left; negative when stale.
    #[must_use]
    pub const fn ttl(&self) -> Option<i64> {
        self.ttl
    }

    /// The cache's own word about what happened, such as a
    /// [`SkipReason`](crate::SkipReason::as_str).
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    fn of(parameters: &Parameters) -> Self {
        let word = |name| parameters.get(name).and_then(word);
        let is = |name| parameters.get(name).and_then(BareItem::as_boolean) == Some(true);
        let number = |name| parameters.get(name)?.as_integer().map(i64::from);
        let status = number("fwd-status").and_then(|code| u16::try_from(code).ok());
        Self {
            hit: is("hit"),
            stored: is("stored"),
            collapsed: is("collapsed"),
            forwarded: word("fwd"),
            status: status.and_then(|code| StatusCode::from_u16(code).ok()),
            ttl: number("ttl"),
            detail: word("detail"),
        }
    }
}

/// A token or a string (RFC 9211 section 2.8 leaves `detail` either).
fn word(item: &BareItem) -> Option<Box<str>> {
    match item {
        BareItem::String(text) => Some(text.as_str().into()),
        BareItem::Token(text) => Some(text.as_str().into()),
        _ => None,
    }
}

impl CacheStatus {
    /// What a cache of this name says in a response: in the last member that bears the name, which is
    /// that of the cache nearest to the reader. `None`: it says nothing, or the field is not a list
    /// as RFC 9651 has it.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use larder_policy::fields::{CacheName, CacheStatus};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("cache-status", "larder; fwd=uri-miss; detail=set-cookie".parse().unwrap());
    /// let handled = CacheStatus::read(&headers, &CacheName::default()).unwrap();
    /// assert!(!handled.is_hit() && !handled.is_stored());
    /// assert_eq!(handled.detail(), Some("set-cookie"));
    /// ```
    #[must_use]
    pub fn read(headers: &HeaderMap, name: &CacheName) -> Option<Handled> {
        if !headers.contains_key(CACHE_STATUS) {
            return None;
        }
        let value = combine(headers.get_all(CACHE_STATUS).iter());
        let members = Parser::new(&value).parse::<List>().ok()?;
        let ours = members.iter().rev().find(|member| name.matches(member))?;
        match ours {
            ListEntry::Item(item) => Some(Handled::of(&item.params)),
            ListEntry::InnerList(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::fields::ForwardReason;

    fn read(lines: &[&str]) -> Option<Handled> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_STATUS, line.parse().unwrap());
        }
        CacheStatus::read(&headers, &CacheName::default())
    }

    #[test]
    fn what_is_written_is_read() {
        let status = CacheStatus::forward(ForwardReason::Stale)
            .fwd_status(StatusCode::NOT_MODIFIED)
            .ttl(-3)
            .stored()
            .collapsed(true)
            .detail("timeout");
        let mut headers = HeaderMap::new();
        status.append(&mut headers, &CacheName::default());
        let read = CacheStatus::read(&headers, &CacheName::default()).unwrap();
        assert!(read.is_stored() && read.is_collapsed() && !read.is_hit());
        assert_eq!(read.forwarded(), Some("stale"));
        assert_eq!(read.fwd_status(), Some(StatusCode::NOT_MODIFIED));
        assert_eq!((read.ttl(), read.detail()), (Some(-3), Some("timeout")));
    }

    #[test]
    fn the_last_member_of_our_name_speaks() {
        let hit = |lines| read(lines).map(|handled| handled.is_hit());
        assert_eq!(hit(&["larder; hit"]), Some(true));
        assert_eq!(hit(&["\"larder\"; hit"]), Some(true));
        assert_eq!(hit(&["larder; fwd=miss, larder; hit"]), Some(true));
        assert_eq!(hit(&["larder; hit", "larder; fwd=miss"]), Some(false));
        assert_eq!(hit(&["larder; hit, other; fwd=miss"]), Some(true));
        assert_eq!(hit(&["larder; hit=?0"]), Some(false));
        for nothing in [
            &["other; hit"][..],
            &["(larder); hit"],
            &["larder; hit,"],
            &["larder; hit", "not\"valid"],
            &[],
        ] {
            assert_eq!(hit(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn parameters_of_other_types_are_passed_over() {
        let handled = read(&["larder; hit=1; ttl=soon; fwd=2; fwd-status=7; detail=\"a b\""]);
        let expected = Handled {
            detail: Some("a b".into()),
            ..Handled::default()
        };
        assert_eq!(handled, Some(expected));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(CACHE_STATUS, value)]);
                let _ = CacheStatus::read(&headers, &CacheName::default());
            }
        }
    }
}
