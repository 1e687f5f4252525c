//! [`Purge`]: what is to be dropped.

use http::Uri;
use larder_policy::key::{KeyPart, Partition, RoleSet, Target};

use super::purge_error::PurgeError;

/// What is to be dropped from a cache, and how; see [`Cache::purge`](crate::Cache::purge).
///
/// ```
/// use larder::{Cache, Purge, PurgeError};
///
/// # fn main() -> Result<(), PurgeError> {
/// let cache = Cache::builder().build();
/// // Whatever depends on product 42.
/// cache.purge(Purge::tag("product:42"));
/// // Everything below a path, served stale while it is fetched anew.
/// cache.purge(Purge::prefix("/reports")?.soft());
/// // Several things at once.
/// cache.purge(Purge::any_tag(["brand:7", "brand:8"]).and(Purge::url("/brands")?));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a purge does nothing until a cache is told of it"]
pub struct Purge {
    what: Vec<What>,
    soft: bool,
}

/// One thing to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    AllTags(Vec<String>),
    Everything,
    Partition(Partition),
    /// A path and all below it, on one host or on all.
    Prefix(Uri),
    Tag(String),
    Url(Uri),
}

impl Purge {
    /// Every stored response.
    pub fn everything() -> Self {
        Self::one(What::Everything)
    }

    /// What has a tag: that of its route, of its handler ([`CacheHint`](crate::CacheHint)), or of a
    /// header field. Tags are compared byte by byte.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::one(What::Tag(tag.into()))
    }

    /// What has at least one of these tags; with none of them, nothing.
    pub fn any_tag<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        let what = tags.into_iter().map(|tag| What::Tag(tag.into()));
        Self::of(what.collect())
    }

    /// What has all of these tags; with none of them, nothing.
    pub fn all_tags<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        let tags: Vec<_> = tags.into_iter().map(Into::into).collect();
        if tags.is_empty() {
            Self::of(Vec::new())
        } else {
            Self::one(What::AllTags(tags))
        }
    }

    /// What is stored for one URL: every variant, method class and partition. With a path and query
    /// alone it is of every host. The scheme does not count, nor do the ports 80 and 443, nor a
    /// fragment; upper case in the host is lower case. The path counts byte for byte, and so does the
    /// query, as far as routes' [keys](crate::Key) let it count.
    ///
    /// A route whose key is its [name](crate::Key::route) goes by that in place of the path: in axum
    /// `/users/{id}` and not `/users/7`. Where that is too much, give it a
    /// [tag](crate::RoutePolicy::tag_with).
    ///
    /// # Errors
    ///
    /// [`PurgeError::InvalidUrl`] if it is neither an absolute URL nor a path that begins with a slash.
    pub fn url(url: &str) -> Result<Self, PurgeError> {
        Ok(Self::one(What::Url(parse(url)?)))
    }

    /// What is stored for a path and all paths below it, whatever their queries: `/a` names `/a`, `/a/`
    /// and `/a/b?c`, not `/ab`. A slash at its end makes no difference. With a path alone it is of
    /// every host, and `/` is [`everything`](Self::everything). Segments are compared as in
    /// [`url`](Self::url), at most 32 of them: a longer path names all that has its first 32.
    ///
    /// # Errors
    ///
    /// [`PurgeError::InvalidUrl`] if it is neither an absolute URL nor a path that begins with a slash,
    /// or has a query.
    pub fn prefix(path: &str) -> Result<Self, PurgeError> {
        let uri = parse(path)?;
        if uri.query().is_some() {
            return Err(PurgeError::InvalidUrl(path.to_owned()));
        }
        let all = uri.path() == "/" && uri.authority().is_none();
        Ok(Self::one(if all {
            What::Everything
        } else {
            What::Prefix(uri)
        }))
    }

    /// What is stored in one partition, on all routes: when a user logs out or changes roles.
    /// [`Partition::shared`] names nothing: use [`everything`](Self::everything). The partition has to
    /// be the one that the routes make: for [`RoutePolicy::per_user`](crate::RoutePolicy::per_user)
    /// and [`per_tenant`](crate::RoutePolicy::per_tenant) that is what
    /// [`identity`](Self::identity) names, not one made by hand with [`Partition::of`].
    pub fn partition(partition: Partition) -> Self {
        if partition.is_shared() {
            Self::of(Vec::new())
        } else {
            Self::one(What::Partition(partition))
        }
    }

    /// What is stored for one identity on routes of
    /// [`RoutePolicy::per_user`](crate::RoutePolicy::per_user) and its kind. An identity that is nobody
    /// has nothing stored.
    pub fn identity<T: KeyPart>(identity: &T) -> Self {
        let what = Partition::of_identity(identity).map(What::Partition);
        Self::of(what.into_iter().collect())
    }

    /// What is stored for exactly this set of roles on routes of
    /// [`RoutePolicy::per_roles`](crate::RoutePolicy::per_roles).
    pub fn roles<T: RoleSet>(roles: &T) -> Self {
        Self::partition(Partition::of_roles(roles))
    }

    /// Makes what it names stale instead of dead: the stale windows of each response
    /// (`stale-while-revalidate`, `stale-if-error`, grace) begin now, unless they did before, and what
    /// has none is validated before its next use. Where more than two such purges come between two
    /// requests for a response, its windows may begin earlier than at the first of them, and never
    /// later. Soft is the whole purge.
    pub fn soft(self) -> Self {
        Self { soft: true, ..self }
    }

    /// Names what another purge names too. Soft only if both are.
    pub fn and(mut self, other: Self) -> Self {
        self.soft = match (self.what.is_empty(), other.what.is_empty()) {
            (true, _) => other.soft,
            (_, true) => self.soft,
            _ => self.soft && other.soft,
        };
        self.what.extend(other.what);
        self
    }

    /// Whether what it names becomes stale instead of dead.
    #[must_use]
    pub const fn is_soft(&self) -> bool {
        self.soft
    }

    /// Whether it names nothing: no tag at all, or an identity that is nobody. Then it drops nothing.
    ///
    /// ```
    /// use larder::{Cache, Purge};
    ///
    /// let receipt = Cache::builder().build().purge(Purge::any_tag([""; 0]));
    /// assert!(receipt.purge().is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.what.is_empty()
    }

    pub(crate) fn what(&self) -> &[What] {
        &self.what
    }

    fn one(what: What) -> Self {
        Self::of(vec![what])
    }

    const fn of(what: Vec<What>) -> Self {
        Self { what, soft: false }
    }
}

fn parse(url: &str) -> Result<Uri, PurgeError> {
    let invalid = || PurgeError::InvalidUrl(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| invalid())?;
    // A lone authority, or an asterisk, is nothing that is stored.
    let whole = uri.path().starts_with('/') && uri.scheme().is_some() == uri.authority().is_some();
    // Nothing is stored for a host that no request is let in with.
    let named = whole && Target::from_request(&uri, None, None).is_ok();
    if named { Ok(uri) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_said_so() {
        for url in [
            "",
            "products/42",
            "*",
            "shop.example",
            "shop.example:80",
            "/a b",
            "http://",
            "http://user@shop.example/",
            "http://a,b/",
        ] {
            let error = Purge::url(url).unwrap_err();
            assert_eq!(error, PurgeError::InvalidUrl(url.to_owned()));
            assert!(error.to_string().contains("begins with a slash"));
        }
        for url in [
            "/",
            "/a?b",
            "https://shop.example",
            "http://shop.example:81/a?b",
        ] {
            assert!(Purge::url(url).is_ok(), "{url}");
        }
        assert!(Purge::prefix("/a?b").is_err());
    }

    #[test]
    fn a_purge_is_soft_only_if_all_of_it_is() {
        let soft = || Purge::tag("a").soft();
        assert!(soft().and(soft()).is_soft());
        assert!(!soft().and(Purge::tag("b")).is_soft());
        assert!(!Purge::tag("b").and(soft()).is_soft());
        assert!(soft().and(Purge::any_tag([""; 0])).is_soft());
    }
}
