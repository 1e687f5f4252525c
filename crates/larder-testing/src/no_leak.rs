//! [`assert_no_leak`]: does anybody get what was made for another?

use std::fmt;

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use larder::{Cache, Probe};
use tower::Service;

use crate::answer::{Compare, OF_CACHES, OF_THE_MOMENT};
use crate::app::{App, Reply};
use crate::leak_report::{Given, Leak, LeakReport};
use crate::untestable::{Untestable, or_panic};
use crate::user::{Secret, User};

/// Lets one user fill the cache and others ask for the same, on every route, each in turn, and panics
/// if somebody is given what was not made for them. See [`NoLeak`] for settings.
///
/// ```
/// use std::time::Duration;
///
/// use axum::body::Body;
/// use axum::http::Request;
/// use axum::{Extension, Router, routing::get};
/// use larder::{Cache, KeyPart, PartWriter, RoutePolicy};
/// use larder_axum::Cached;
/// use larder_testing::{User, assert_no_leak};
///
/// #[derive(Clone)]
/// struct Email(&'static str);
///
/// impl KeyPart for Email {
///     const NAME: &'static str = "e-mail";
///
///     fn write(&self, out: &mut PartWriter) {
///         out.text(self.0);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let me = |user: Option<Extension<Email>>| async move { user.map_or("nobody", |user| user.0.0) };
/// let policy = RoutePolicy::per_user::<Email>(Duration::from_secs(60));
/// let app = Router::new().route("/me", get(me).cached(&Cache::builder().build(), policy));
///
/// let user = |name, email| User::new(name).extension(Email(email)).secret("e-mail", email);
/// let (anna, bob) = (user("anna", "anna@example.com"), user("bob", "bob@example.org"));
/// let routes = ["/me"].map(|path| Request::get(path).body(Body::empty()).unwrap());
/// assert_no_leak(app, &anna, &bob, routes).await;
/// # }
/// ```
///
/// # Panics
///
/// If somebody is given what was not made for them: names the route, whose secret it is, its label
/// and first two characters, and what `Cache-Status` said. If the test can show nothing: a route has
/// no cache, its answer differs from one time to the next, or the application fails.
pub async fn assert_no_leak<S, B, C>(
    app: S,
    user_a: &User,
    user_b: &User,
    routes: impl IntoIterator<Item = Request<B>>,
) where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    S::Error: fmt::Debug,
    B: Default,
    C: Body,
    C::Error: fmt::Debug,
{
    NoLeak::new().assert(app, user_a, user_b, routes).await;
}

/// [`assert_no_leak`] with settings.
///
/// Each route is asked for by one user twice, and then by that user, the other, and somebody who is
/// not logged in; then the same begins with the other, and with the one who is not logged in. Each
/// answer must not contain the others' secrets, in its
/// fields or its body, and must equal what the same user is given past the cache: in its status,
/// its body and its fields but those of the moment (see [`KeyCover`](crate::KeyCover)) and those that
/// caches write (`Accept-Ranges`, `Cache-Control` and its kind, `Connection`, `Content-Length`,
/// `ETag`, `Expires`, `Keep-Alive`, `Last-Modified`, `Transfer-Encoding`, `Vary`, `Via`).
///
/// What is compared is what clients see, so requests should not let a layer compress it.
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until `assert` or `check`"]
pub struct NoLeak {
    compare: Compare,
    cache: Option<Cache>,
    wrong: Option<Untestable>,
}

impl Default for NoLeak {
    fn default() -> Self {
        Self::new()
    }
}

impl NoLeak {
    /// The settings of [`assert_no_leak`].
    pub fn new() -> Self {
        let ignored = [&OF_THE_MOMENT[..], &OF_CACHES[..]].concat();
        Self {
            compare: Compare::but(&ignored),
            cache: None,
            wrong: None,
        }
    }

    /// A header field of responses that does not count.
    pub fn ignore_header(mut self, name: impl AsRef<str>) -> Self {
        let ignored = self.compare.ignore_header(name.as_ref());
        self.wrong = self.wrong.or_else(|| ignored.err());
        self
    }

    /// How bodies are compared: the function says whether two are the same. Default: byte by byte.
    pub fn compare_body_with(
        mut self,
        same: impl Fn(&[u8], &[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.compare.compare_body_with(same);
        self
    }

    /// Empties the application's cache before another fills it. Without it the second finds in the
    /// cache what the first left.
    pub fn cache(mut self, cache: &Cache) -> Self {
        self.cache = Some(cache.clone());
        self
    }

    /// Panics if somebody is given what was not made for them.
    ///
    /// # Panics
    ///
    /// As [`assert_no_leak`].
    pub async fn assert<S, B, C>(
        &self,
        app: S,
        user_a: &User,
        user_b: &User,
        routes: impl IntoIterator<Item = Request<B>>,
    ) where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        let report = or_panic(self.check(app, user_a, user_b, routes).await);
        assert!(report.is_clean(), "{report}");
    }

    /// Tells who was given what was not made for them.
    ///
    /// # Errors
    ///
    /// When the test can show nothing.
    pub async fn check<S, B, C>(
        &self,
        app: S,
        user_a: &User,
        user_b: &User,
        routes: impl IntoIterator<Item = Request<B>>,
    ) -> Result<LeakReport, Untestable>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        let settings = [self
            .wrong
            .as_ref()
            .map_or(Ok(()), |wrong| Err(wrong.clone()))];
        let checks = [user_a.check(), user_b.check()].into_iter().chain(settings);
        checks.collect::<Result<(), _>>()?;
        let (app, nobody) = (App::new(app), User::nobody());
        let mut report = LeakReport::default();
        for route in routes {
            let parts = route.into_parts().0;
            let asks = [user_a, user_b, &nobody];
            let mut askers = Vec::with_capacity(asks.len());
            for user in asks {
                askers.push(self.asker(&app, user, &parts).await?);
            }
            let known = askers
                .iter()
                .find_map(|asker| asker.expected.probed.as_ref());
            let Some(route) = known.map(|probed| probed.route().to_owned()) else {
                return Err(Untestable::no_cache(&parts));
            };
            for filler in &askers {
                let round = Round {
                    test: self,
                    app: &app,
                    route: &route,
                    askers: &askers,
                };
                round.play(filler, &mut report).await?;
            }
        }
        Ok(report)
    }

    /// A user, with what is theirs.
    async fn asker<'a, S, B, C>(
        &self,
        app: &App<S, B>,
        user: &'a User,
        parts: &Parts,
    ) -> Result<Asker<'a>, Untestable>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        let parts = user.request(parts);
        let expected = app.probe(&parts, Probe::new()).await?;
        let again = app.probe(&parts, Probe::new()).await?;
        if let Some(different) = self.compare.difference(&expected, &again) {
            let route = expected
                .probed
                .as_ref()
                .map(|probed| probed.route().to_owned());
            let route = route.unwrap_or_else(|| parts.uri.path().to_owned());
            return Err(Untestable::not_deterministic(&route, &different));
        }
        let narrowed = app.probe(&parts, Probe::narrowed()).await?;
        Ok(Asker {
            user,
            parts,
            expected,
            narrowed,
        })
    }
}

/// A user, their request, and what they are given past the cache.
struct Asker<'a> {
    user: &'a User,
    parts: Parts,
    expected: Reply,
    /// The same, made of declared inputs.
    narrowed: Reply,
}

/// One route, filled by one of those who ask.
struct Round<'a, S, B> {
    test: &'a NoLeak,
    app: &'a App<S, B>,
    route: &'a str,
    askers: &'a [Asker<'a>],
}

impl<S, B, C> Round<'_, S, B>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    S::Error: fmt::Debug,
    B: Default,
    C: Body,
    C::Error: fmt::Debug,
{
    async fn play(&self, filler: &Asker<'_>, report: &mut LeakReport) -> Result<(), Untestable> {
        if let Some(cache) = &self.test.cache {
            cache.clear();
        }
        self.app.ask(&filler.parts).await?;
        self.app.ask(&filler.parts).await?;
        for asker in self.askers {
            let reply = self.app.ask(&asker.parts).await?;
            if let Some(given) = self.not_theirs(asker, &reply, filler) {
                report.leaks.push(Leak {
                    route: self.route.to_owned(),
                    asker: asker.user.name().to_owned(),
                    given,
                    served: cache_status(&reply),
                });
            }
        }
        Ok(())
    }

    /// What in an answer was not made for who asked.
    fn not_theirs(&self, asker: &Asker<'_>, reply: &Reply, filler: &Asker<'_>) -> Option<Given> {
        let others = self.askers.iter().map(|other| other.user);
        let others = others.filter(|other| !std::ptr::eq(*other, asker.user));
        let secrets = others.flat_map(|user| user.secrets.iter().map(move |secret| (user, secret)));
        for (user, secret) in secrets {
            let Some(place) = place_of(secret, reply) else {
                continue;
            };
            let (whose, what) = (user.name().to_owned(), secret.to_string());
            return Some(match place_of(secret, &asker.expected) {
                Some(_) => Given::ByHandler { whose, what },
                None => Given::Secret { whose, what, place },
            });
        }
        let compare = &self.test.compare;
        let differs = compare.difference(reply, &asker.expected)?.to_string();
        Some(match compare.difference(reply, &asker.narrowed) {
            None => Given::Narrowed { differs },
            Some(_) => Given::Other {
                differs,
                after: filler.user.name().to_owned(),
            },
        })
    }
}

/// Where in an answer a secret stands.
fn place_of(secret: &Secret, reply: &Reply) -> Option<String> {
    if secret.is_in(&reply.body) {
        return Some("body".to_owned());
    }
    let mut fields = reply.headers.iter();
    let found = fields.find(|(_, value)| secret.is_in(value.as_bytes()))?;
    Some(format!("header `{}`", found.0))
}

fn cache_status(reply: &Reply) -> String {
    let lines = reply.headers.get_all("cache-status").iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    match lines.collect::<Vec<_>>().join(", ") {
        text if text.is_empty() => "none".to_owned(),
        text => text,
    }
}
