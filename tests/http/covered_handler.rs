//! Handlers whose arguments declare the key of their route.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use http::{HeaderValue, Request, StatusCode, Uri};
use larder::{Cache, Key, KeyPart, PartWriter};
use larder_axum::{
    CoveredPolicy, DeclaredCookie, DeclaredHeader, DeclaredQuery, KeyedCookie, KeyedExtension,
    KeyedHeader, KeyedQuery, cached_handler,
};
use larder_tests::{Reply, get, request};
use serde::Deserialize;
use tower::ServiceExt;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
struct Paging {
    page: Option<String>,
}

impl DeclaredQuery for Paging {
    const NAMES: &'static [&'static str] = &["page"];
}

#[derive(Debug, Deserialize)]
struct Sorting {
    sort: Option<String>,
    page: Option<String>,
}

impl DeclaredQuery for Sorting {
    const NAMES: &'static [&'static str] = &["sort"];
}

struct Region(String);

impl DeclaredHeader for Region {
    const NAME: &'static str = "x-region";
    type Rejection = StatusCode;

    fn parse(value: Option<&HeaderValue>) -> Result<Self, StatusCode> {
        let text = value.map_or(Ok("none"), HeaderValue::to_str);
        let text = text.map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(Self(text.to_owned()))
    }
}

struct Device(String);

impl DeclaredHeader for Device {
    const NAME: &'static str = "x-device";
    type Rejection = Infallible;

    fn parse(value: Option<&HeaderValue>) -> Result<Self, Infallible> {
        Ok(Self(format!("{value:?}")))
    }

    fn declare(key: Key) -> Key {
        key.header_lowercase(Self::NAME)
    }
}

struct Locale(String);

impl DeclaredHeader for Locale {
    const NAME: &'static str = "accept-language";
    type Rejection = Infallible;

    fn parse(value: Option<&HeaderValue>) -> Result<Self, Infallible> {
        Ok(Self(format!("{value:?}")))
    }

    fn declare(key: Key) -> Key {
        key.languages(["en", "de"])
    }
}

struct Theme(Option<String>);

impl DeclaredCookie for Theme {
    const NAME: &'static str = "theme";
    type Rejection = Infallible;

    fn parse(value: Option<&str>) -> Result<Self, Infallible> {
        Ok(Self(value.map(str::to_owned)))
    }
}

#[derive(Clone, Copy)]
struct ApiVersion(u8);

impl KeyPart for ApiVersion {
    const NAME: &'static str = "api-version";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0.into());
    }
}

/// A service around one route, `/p/{id}`, with what it answers to requests.
pub(crate) struct Site {
    pub(crate) cache: Cache,
    app: Router,
}

impl Site {
    pub(crate) fn new(route: impl FnOnce(&Cache) -> axum::routing::MethodRouter) -> Self {
        let cache = Cache::builder().build();
        let app = Router::new().route("/p/{id}", route(&cache));
        Self { cache, app }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        Reply::read(response).await
    }

    pub(crate) async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(request("GET", path, fields)).await
    }
}

pub(crate) fn with<T: Clone + Send + Sync + 'static>(
    value: T,
    mut request: Request<Body>,
) -> Request<Body> {
    request.extensions_mut().insert(value);
    request
}

async fn everything(
    Path(id): Path<String>,
    KeyedQuery(paging): KeyedQuery<Paging>,
    KeyedHeader(region): KeyedHeader<Region>,
    KeyedCookie(theme): KeyedCookie<Theme>,
    version: Option<KeyedExtension<ApiVersion>>,
) -> String {
    let version = version.map(|KeyedExtension(version)| version.0);
    let (page, region, theme) = (paging.page, region.0, theme.0);
    format!("{id} {page:?} {region} {theme:?} {version:?}")
}

#[tokio::test]
async fn what_the_arguments_read_tells_responses_apart() {
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(everything).cached(cache, policy));
    let asked = [
        get("/p/1"),
        get("/p/2"),
        get("/p/1?page=1"),
        get("/p/1?page=2"),
        get("/p/1?page="),
        request("GET", "/p/1", &[("x-region", "eu")]),
        request("GET", "/p/1", &[("cookie", "theme=dark")]),
        with(ApiVersion(1), get("/p/1")),
        with(ApiVersion(2), get("/p/1")),
    ];
    let number = asked.len() as u64;
    let mut bodies = Vec::new();
    for request in asked {
        let reply = site.send(request).await;
        assert!(reply.is_stored());
        bodies.push(reply.text().to_owned());
    }
    assert_eq!(site.cache.stats().keys(), number);
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len() as u64, number);
}

#[tokio::test]
async fn what_they_do_not_read_counts_for_nothing() {
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(everything).cached(cache, policy));
    let fields = [
        ("cookie", "session=7; theme=dark"),
        ("authorization", "Bearer secret"),
        ("x-region", "eu"),
        ("accept-language", "de"),
    ];
    let first = site.get("/p/1?utm_source=a&page=2", &fields).await;
    assert_eq!(first.text(), "1 Some(\"2\") eu Some(\"dark\") None");
    assert!(first.is_stored());
    let fields = [("x-region", "eu"), ("cookie", "theme=dark; session=8")];
    assert!(site.get("/p/1?page=2&busting=1", &fields).await.is_hit());
}

#[tokio::test]
async fn handler_without_a_query_has_no_parameter_in_its_key() {
    async fn sees(uri: Uri, Path(id): Path<String>) -> String {
        format!("{id} {uri}")
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    assert_eq!(site.get("/p/1?page=1", &[]).await.text(), "1 /p/1");
    assert!(site.get("/p/1?page=2", &[]).await.is_hit());
    assert!(site.get("/p/1", &[]).await.is_hit());
}

#[tokio::test]
async fn several_queries_count_together_and_each_sees_its_own() {
    async fn sees(
        KeyedQuery(paging): KeyedQuery<Paging>,
        sorting: Result<KeyedQuery<Sorting>, axum::extract::rejection::QueryRejection>,
    ) -> String {
        let KeyedQuery(sorting) = sorting.unwrap();
        format!("{:?} {:?} {:?}", paging.page, sorting.sort, sorting.page)
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let first = site.get("/p/1?page=2&x=1&sort=up", &[]).await;
    assert_eq!(first.text(), "Some(\"2\") Some(\"up\") None");
    assert!(site.get("/p/1?page=2&sort=up", &[]).await.is_hit());
    assert!(site.get("/p/1?page=3&sort=up", &[]).await.is_stored());
    assert!(site.get("/p/1?page=2&sort=down", &[]).await.is_stored());
}

#[tokio::test]
async fn extractors_in_a_tuple_and_a_result_are_covered() {
    async fn sees(
        (KeyedHeader(region), KeyedQuery(paging)): (KeyedHeader<Region>, KeyedQuery<Paging>),
        theme: Result<KeyedCookie<Theme>, Infallible>,
    ) -> String {
        let Ok(KeyedCookie(theme)) = theme;
        format!("{} {:?} {:?}", region.0, paging.page, theme.0)
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let fields = [("x-region", "eu"), ("cookie", "theme=dark")];
    let first = site.get("/p/1?page=1", &fields).await;
    assert_eq!(first.text(), "eu Some(\"1\") Some(\"dark\")");
    assert!(site.get("/p/1?page=1&x", &fields).await.is_hit());
    assert!(site.get("/p/1?page=2", &fields).await.is_stored());
    assert!(site.get("/p/1?page=1", &fields[..1]).await.is_stored());
    assert!(site.get("/p/1?page=1", &fields[1..]).await.is_stored());
}

#[tokio::test]
async fn sixteen_arguments_are_covered() {
    type Id = Path<String>;
    #[expect(clippy::too_many_arguments, reason = "as many as there can be")]
    #[rustfmt::skip]
    async fn sees(
        _: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id,
        _: Id, _: Id, _: Id, _: Id, _: Id, _: Id, _: Id,
        KeyedHeader(region): KeyedHeader<Region>,
    ) -> String {
        region.0
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    assert_eq!(site.get("/p/1", &[("x-region", "eu")]).await.text(), "eu");
}

#[tokio::test]
async fn header_that_is_rewritten_is_seen_rewritten() {
    async fn sees(KeyedHeader(device): KeyedHeader<Device>) -> String {
        device.0
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let first = site.get("/p/1", &[("x-device", "Phone")]).await;
    assert_eq!(first.text(), "Some(\"phone\")");
    assert!(site.get("/p/1", &[("x-device", "PHONE")]).await.is_hit());
}

#[tokio::test]
async fn language_is_negotiated_for_all_arguments_that_read_it() {
    async fn sees(
        KeyedHeader(one): KeyedHeader<Locale>,
        KeyedHeader(other): KeyedHeader<Locale>,
    ) -> String {
        format!("{} {}", one.0, other.0)
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let first = site.get("/p/1", &[("accept-language", "de-AT, en;q=0.5")]);
    assert_eq!(first.await.text(), "Some(\"de\") Some(\"de\")");
    let again = site.get("/p/1", &[("accept-language", "fr, de;q=0.1")]);
    assert!(again.await.is_hit());
    assert_eq!(
        site.get("/p/1", &[]).await.text(),
        "Some(\"en\") Some(\"en\")"
    );
}

#[tokio::test]
async fn lines_of_a_header_are_one_value() {
    async fn sees(KeyedHeader(region): KeyedHeader<Region>) -> String {
        region.0
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let twice = [("x-region", "eu"), ("x-region", "us")];
    assert_eq!(site.get("/p/1", &twice).await.text(), "eu, us");
    let odd = [("x-region", "\u{e9}")];
    assert_eq!(site.get("/p/1", &odd).await.status, 400);
}

#[tokio::test]
async fn policy_declares_what_is_read_besides_the_arguments() {
    async fn sees(KeyedHeader(region): KeyedHeader<Region>) -> String {
        region.0
    }
    let besides = Key::new().no_query().header("x-tier");
    let policy = CoveredPolicy::shared(MINUTE).refine(|route| route.key(besides));
    let site = Site::new(|cache| {
        cached_handler(sees)
            .cached(cache, policy)
            .layer(axum::middleware::from_fn(
                |request: axum::extract::Request, next: axum::middleware::Next| next.run(request),
            ))
    });
    assert!(site.get("/p/1", &[("x-tier", "gold")]).await.is_stored());
    assert!(site.get("/p/1?x", &[("x-tier", "gold")]).await.is_hit());
    assert!(site.get("/p/1", &[("x-tier", "tin")]).await.is_stored());
    let both = [("x-tier", "tin"), ("x-region", "eu")];
    assert!(site.get("/p/1", &both).await.is_stored());
}
