//! `Cache-Status` (RFC 9211): what the cache did, for whoever reads the response.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use http::header::CACHE_STATUS;
use http::{HeaderMap, HeaderValue, StatusCode};
use sfv::{BareItem, List, ListEntry, ListSerializer, Parser, StringRef, TokenRef};

use super::list::combine;
use super::value::{ValueText, common_hit};

/// How one cache handled a request: one member of a `Cache-Status` field.
///
/// ```
/// use larder_policy::fields::{CacheName, CacheStatus, ForwardReason};
///
/// let name = CacheName::default();
/// assert_eq!(CacheStatus::hit(376).member(&name), "larder; hit; ttl=376");
/// let miss = CacheStatus::forward(ForwardReason::UriMiss).stored();
/// assert_eq!(miss.member(&name), "larder; fwd=uri-miss; stored");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct CacheStatus {
    handling: Handling,
    ttl: Option<i64>,
    key: Option<String>,
    detail: Option<&'static str>,
}

/// A request is either answered or forwarded, never both (RFC 9211 sections 2.1 and 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handling {
    Hit,
    Forward {
        reason: ForwardReason,
        status: Option<StatusCode>,
        stored: bool,
        collapsed: Option<bool>,
    },
}

impl CacheStatus {
    /// Answered from the cache, with this many seconds of freshness left; negative when stale.
    pub fn hit(ttl: i64) -> Self {
        Self::new(Handling::Hit).ttl(ttl)
    }

    /// Forwarded to the inner service, for this reason.
    pub fn forward(reason: ForwardReason) -> Self {
        Self::new(Handling::Forward {
            reason,
            status: None,
            stored: false,
            collapsed: None,
        })
    }

    fn new(handling: Handling) -> Self {
        Self {
            handling,
            ttl: None,
            key: None,
            detail: None,
        }
    }

    /// The response was stored. Says nothing about a hit.
    pub fn stored(mut self) -> Self {
        if let Handling::Forward { stored, .. } = &mut self.handling {
            *stored = true;
        }
        self
    }

    /// Whether the request shared the response to another one. Says nothing about a hit.
    pub fn collapsed(mut self, shared: bool) -> Self {
        if let Handling::Forward { collapsed, .. } = &mut self.handling {
            *collapsed = Some(shared);
        }
        self
    }

    /// The status the inner service replied with. Says nothing about a hit.
    pub fn fwd_status(mut self, reply: StatusCode) -> Self {
        if let Handling::Forward { status, .. } = &mut self.handling {
            *status = Some(reply);
        }
        self
    }

    /// The freshness left in seconds; negative when stale.
    pub fn ttl(mut self, seconds: i64) -> Self {
        self.ttl = Some(seconds.clamp(-LARGEST_INTEGER, LARGEST_INTEGER));
        self
    }

    /// The cache key. Characters other than printable ASCII are left out.
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.chars().filter(|c| matches!(c, ' '..='~')).collect());
        self
    }

    /// A word about what happened. Left out unless it is a token.
    pub fn detail(mut self, detail: &'static str) -> Self {
        self.detail = TokenRef::from_str(detail).is_ok().then_some(detail);
        self
    }

    /// The member under the name of a cache.
    #[must_use]
    #[inline]
    pub fn member(&self, name: &CacheName) -> HeaderValue {
        if let (Handling::Hit, Some(ttl), None, None) =
            (self.handling, self.ttl, &self.key, self.detail)
            && name.is_ours
            && let Some(value) = common_hit(ttl)
        {
            return value;
        }
        self.written(name)
    }

    fn written(&self, name: &CacheName) -> HeaderValue {
        let mut text = ValueText::default();
        name.write(&mut text);
        match self.handling {
            Handling::Hit => text.push("; hit"),
            Handling::Forward { reason, status, .. } => {
                text.push("; fwd=");
                text.push(reason.as_str());
                if let Some(status) = status {
                    text.push("; fwd-status=");
                    text.push(status.as_str());
                }
            }
        }
        if let Some(ttl) = self.ttl {
            text.push("; ttl=");
            text.push_number(ttl);
        }
        if let Handling::Forward {
            stored, collapsed, ..
        } = self.handling
        {
            text.push(if stored { "; stored" } else { "" });
            text.push(match collapsed {
                None => "",
                Some(true) => "; collapsed",
                Some(false) => "; collapsed=?0",
            });
        }
        if let Some(key) = &self.key {
            text.push("; key=");
            write_string(key, &mut text);
        }
        if let Some(detail) = self.detail {
            text.push("; detail=");
            text.push(detail);
        }
        text.finish()
    }

    /// Adds the member after those of the caches nearer to the origin.
    ///
    /// Does nothing when the map holds all the fields it can.
    pub fn append(&self, headers: &mut HeaderMap, name: &CacheName) {
        // The field is information only, so a response without it is better than none.
        let _ = headers.try_append(CACHE_STATUS, self.member(name));
    }
}

/// Why a request was forwarded (RFC 9211 section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardReason {
    /// The cache is configured not to handle the request.
    Bypass,
    /// The semantics of the method require it.
    Method,
    /// Nothing is stored for the URI.
    UriMiss,
    /// Something is stored for the URI, but not for these selecting header fields.
    VaryMiss,
    /// Nothing stored fits, and which of the two it is cannot be told.
    Miss,
    /// What is stored is fresh, but the request asks for more.
    Request,
    /// What is stored is stale.
    Stale,
    /// What is stored is not all of the response.
    Partial,
}

impl ForwardReason {
    /// The word the standard uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

impl fmt::Display for ForwardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const OUR_NAME: &str = "larder";

/// What a cache calls itself in `Cache-Status`, such as a host name: `larder` by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheName {
    name: Cow<'static, str>,
    /// Written without quotes.
    is_token: bool,
    is_ours: bool,
}

impl CacheName {
    /// Makes a name of printable ASCII characters.
    ///
    /// # Errors
    ///
    /// If the name is empty or holds other characters.
    pub fn new(name: &str) -> Result<Self, InvalidCacheName> {
        if name.is_empty() || StringRef::from_str(name).is_err() {
            return Err(InvalidCacheName(()));
        }
        let is_token = TokenRef::from_str(name).is_ok();
        Ok(Self {
            name: Cow::Owned(name.to_owned()),
            is_token,
            is_ours: name == OUR_NAME,
        })
    }

    /// The name, without the quotes it may be written with.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    fn write(&self, text: &mut ValueText) {
        if self.is_token {
            text.push(&self.name);
        } else {
            write_string(&self.name, text);
        }
    }

    /// Whether a member of the field is ours, be its name a token or a string.
    pub(super) fn matches(&self, member: &ListEntry) -> bool {
        let ListEntry::Item(item) = member else {
            return false;
        };
        match &item.bare_item {
            BareItem::Token(name) => name.as_str() == self.name,
            BareItem::String(name) => name.as_str() == self.name,
            _ => false,
        }
    }
}

impl Default for CacheName {
    fn default() -> Self {
        Self {
            name: Cow::Borrowed(OUR_NAME),
            is_ours: true,
            is_token: true,
        }
    }
}

/// A cache name is empty or has a character that is not printable ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCacheName(());

impl fmt::Display for InvalidCacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cache name needs at least one character, and printable ASCII ones only")
    }
}

impl Error for InvalidCacheName {}

/// Removes the members with our own name, and leaves those of other caches in order.
///
/// A field that is not a valid list is left as it is.
pub fn strip_member(headers: &mut HeaderMap, name: &CacheName) {
    let value = combine(headers.get_all(CACHE_STATUS).iter());
    let Ok(mut members) = Parser::new(&value).parse::<List>() else {
        return;
    };
    let before = members.len();
    members.retain(|member| !name.matches(member));
    if members.len() == before {
        return;
    }
    let mut others = ListSerializer::new();
    others.members(&members);
    match others.finish().map(HeaderValue::try_from) {
        Some(Ok(others)) => {
            headers.insert(CACHE_STATUS, others);
        }
        Some(Err(_)) | None => {
            headers.remove(CACHE_STATUS);
        }
    }
}

/// Writes a structured-field string (RFC 9651 section 4.1.6) of printable ASCII.
fn write_string(string: &str, text: &mut ValueText) {
    text.push("\"");
    for part in string.split_inclusive(['"', '\\']) {
        match part.strip_suffix(['"', '\\']) {
            None => text.push(part),
            Some(plain) => {
                text.push(plain);
                text.push("\\");
                text.push(part.strip_prefix(plain).unwrap_or_default());
            }
        }
    }
    text.push("\"");
}

/// The largest integer of a structured field: fifteen digits.
const LARGEST_INTEGER: i64 = 999_999_999_999_999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(status: &CacheStatus) -> String {
        status
            .member(&CacheName::default())
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn forward(reason: ForwardReason) -> CacheStatus {
        CacheStatus::forward(reason)
    }

    #[test]
    fn common_hits_say_what_the_others_say() {
        let other = CacheName::new("harder").unwrap();
        for ttl in [-1, 0, 1, 9, 10, 99, 100, 376, 998, 999, 1000, 31_536_000] {
            let ours = CacheStatus::hit(ttl).member(&CacheName::default());
            assert_eq!(ours, format!("larder; hit; ttl={ttl}"));
            let theirs = CacheStatus::hit(ttl).member(&other);
            assert_eq!(theirs, format!("harder; hit; ttl={ttl}"));
        }
    }

    #[test]
    fn each_outcome_is_written() {
        use ForwardReason as Reason;
        for (status, expected) in [
            (CacheStatus::hit(376), "larder; hit; ttl=376"),
            (CacheStatus::hit(-12), "larder; hit; ttl=-12"),
            (
                forward(Reason::UriMiss).stored(),
                "larder; fwd=uri-miss; stored",
            ),
            (forward(Reason::VaryMiss), "larder; fwd=vary-miss"),
            (forward(Reason::Miss), "larder; fwd=miss"),
            (forward(Reason::Request), "larder; fwd=request"),
            (forward(Reason::Bypass), "larder; fwd=bypass"),
            (forward(Reason::Method), "larder; fwd=method"),
            (forward(Reason::Partial), "larder; fwd=partial"),
            (
                forward(Reason::Stale)
                    .fwd_status(StatusCode::NOT_MODIFIED)
                    .ttl(60),
                "larder; fwd=stale; fwd-status=304; ttl=60",
            ),
            (
                forward(Reason::Stale)
                    .detail("stale-if-error")
                    .fwd_status(StatusCode::SERVICE_UNAVAILABLE),
                "larder; fwd=stale; fwd-status=503; detail=stale-if-error",
            ),
            (
                forward(Reason::UriMiss).collapsed(true),
                "larder; fwd=uri-miss; collapsed",
            ),
            (
                forward(Reason::UriMiss).collapsed(false),
                "larder; fwd=uri-miss; collapsed=?0",
            ),
        ] {
            assert_eq!(text(&status), expected);
        }
    }

    #[test]
    fn a_hit_has_nothing_that_needs_a_forward() {
        let hit = CacheStatus::hit(1)
            .stored()
            .collapsed(true)
            .fwd_status(StatusCode::OK);
        assert_eq!(text(&hit), "larder; hit; ttl=1");
    }

    #[test]
    fn what_does_not_fit_the_grammar_is_left_out() {
        let status = CacheStatus::hit(i64::MAX)
            .key("a\"b\\c\r\n\u{e9}\t d")
            .detail("not a token");
        assert_eq!(
            text(&status),
            r#"larder; hit; ttl=999999999999999; key="a\"b\\c d""#
        );
        assert_eq!(
            text(&CacheStatus::hit(i64::MIN)),
            "larder; hit; ttl=-999999999999999"
        );
        assert_eq!(text(&CacheStatus::hit(0).detail("")), "larder; hit; ttl=0");
    }

    #[test]
    fn names_are_tokens_or_strings() {
        for (name, expected) in [
            ("larder", "larder; hit; ttl=0"),
            ("cache.example:8080/a", "cache.example:8080/a; hit; ttl=0"),
            ("*", "*; hit; ttl=0"),
            ("10.0.0.1", "\"10.0.0.1\"; hit; ttl=0"),
            ("my cache", "\"my cache\"; hit; ttl=0"),
            ("a, \"b\"", "\"a, \\\"b\\\"\"; hit; ttl=0"),
        ] {
            let name = CacheName::new(name).unwrap();
            assert_eq!(CacheStatus::hit(0).member(&name), expected);
        }
        for name in ["", "caf\u{e9}", "a\nb", "a\u{7f}"] {
            assert_eq!(CacheName::new(name), Err(InvalidCacheName(())), "{name}");
        }
        assert_eq!(CacheName::new("larder").unwrap(), CacheName::default());
    }

    fn lines(headers: &HeaderMap) -> Vec<&[u8]> {
        headers
            .get_all(CACHE_STATUS)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect()
    }

    #[test]
    fn our_member_goes_last() {
        let mut headers = HeaderMap::new();
        headers.append(CACHE_STATUS, HeaderValue::from_static("origin; hit"));
        CacheStatus::hit(5).append(&mut headers, &CacheName::default());
        assert_eq!(
            lines(&headers),
            [&b"origin; hit"[..], b"larder; hit; ttl=5"]
        );
    }

    #[test]
    fn stripping_leaves_the_members_of_others() {
        for (before, after) in [
            (&[][..], &[][..]),
            (&["larder; hit"], &[]),
            (&["\"larder\"; hit"], &[]),
            (&["a; hit", "larder; hit"], &["a;hit"]),
            (
                &["a;hit, larder;hit, \"b, larder\";key=\"x, \\\"larder\""],
                &["a;hit, \"b, larder\";key=\"x, \\\"larder\""],
            ),
            (
                &[
                    "larder;hit",
                    "larder;fwd=miss, a;fwd=stale;fwd-status=304;ttl=-1",
                ],
                &["a;fwd=stale;fwd-status=304;ttl=-1"],
            ),
            (&["a; hit", "b ; hit"], &["a; hit", "b ; hit"]),
            (&["Larder; hit, larder2"], &["Larder; hit, larder2"]),
            (&["(larder); hit, a"], &["(larder); hit, a"]),
            (
                &["larder; hit", "not\"valid"],
                &["larder; hit", "not\"valid"],
            ),
            (&["larder; hit,"], &["larder; hit,"]),
        ] {
            let mut headers = HeaderMap::new();
            for line in before {
                headers.append(CACHE_STATUS, HeaderValue::from_static(line));
            }
            strip_member(&mut headers, &CacheName::default());
            let after: Vec<_> = after.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(lines(&headers), after, "{before:?}");
        }
    }

    proptest! {
        #[test]
        fn members_are_structured_fields(
            name in "[ -~]{1,20}",
            key in any::<String>(),
            ttl: i64,
            collapsed: Option<bool>,
            is_hit: bool,
        ) {
            let name = CacheName::new(&name).unwrap();
            let status = if is_hit {
                CacheStatus::hit(ttl)
            } else {
                forward(ForwardReason::Miss).ttl(ttl)
            };
            let status = collapsed.iter().fold(status, |status, &shared| status.collapsed(shared));
            let value = status.key(&key).detail("d").member(&name);
            let list = Parser::new(value.as_bytes()).parse::<List>().unwrap();
            prop_assert_eq!(list.len(), 1);
            prop_assert!(name.matches(&list[0]));
            let ListEntry::Item(item) = &list[0] else { panic!("not an item") };
            let printable: String = key.chars().filter(|c| matches!(c, ' '..='~')).collect();
            let written = item.params.get("key").and_then(BareItem::as_string).unwrap();
            prop_assert_eq!(written.as_str(), printable.as_str());
            prop_assert_eq!(item.params.contains_key("hit"), is_hit);
            prop_assert_eq!(item.params.contains_key("fwd"), !is_hit);

            let mut headers = HeaderMap::from_iter([(CACHE_STATUS, value)]);
            strip_member(&mut headers, &name);
            prop_assert!(headers.is_empty());
        }

        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::from_iter([(CACHE_STATUS, value)]);
                strip_member(&mut headers, &CacheName::default());
            }
        }
    }
}
