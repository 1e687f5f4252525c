//! What the route of a covered handler has besides: other methods, the router's state, extractors of
//! the application's own.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use http::{HeaderMap, Method};
use larder::Cache;
use larder_axum::{CoveredPolicy, KeyInput, cached_handler};
use larder_tests::{Reply, get, request};
use tower::ServiceExt;

use crate::covered_handler::{MINUTE, Site};

#[tokio::test]
async fn success_of_another_method_of_the_route_invalidates() {
    async fn edit(headers: HeaderMap, body: String) -> String {
        format!("{:?} {body}", headers.get("cookie"))
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| {
        cached_handler(async |method: Method| method.to_string())
            .and(post(edit))
            .cached(cache, policy)
    });
    assert_eq!(site.get("/p/1", &[]).await.text(), "GET");
    assert!(site.get("/p/1", &[]).await.is_hit());
    let write = site
        .send(request("POST", "/p/1", &[("cookie", "a=1")]))
        .await;
    assert_eq!(write.text(), "Some(\"a=1\") ");
    assert!(site.get("/p/1", &[]).await.is_stored());
}

#[tokio::test]
async fn state_is_covered_and_comes_from_the_router() {
    async fn sees(State(name): State<&'static str>, Path(id): Path<u8>) -> String {
        format!("{name} {id}")
    }
    let cache = Cache::builder().build();
    let route = cached_handler(sees).cached(&cache, CoveredPolicy::shared(MINUTE));
    let app: Router = Router::new().route("/p/{id}", route).with_state("shop");
    let response = app.oneshot(get("/p/7")).await.unwrap();
    assert_eq!(Reply::read(response).await.text(), "shop 7");
}

/// An extractor of the application's own that promises more than it keeps.
struct Visitor(Option<String>);

impl<S: Sync> axum::extract::FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Infallible> {
        let cookie = parts.headers.get("cookie");
        Ok(Self(cookie.map(|value| format!("{value:?}"))))
    }
}

impl<P> KeyInput<P> for Visitor {}

#[tokio::test]
async fn what_an_extractor_forgets_to_declare_is_withheld() {
    async fn sees(Visitor(cookie): Visitor) -> String {
        format!("{cookie:?}")
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let reply = site.get("/p/1", &[("cookie", "session=7")]).await;
    assert_eq!(reply.text(), "None");
    assert!(reply.is_stored());
}
