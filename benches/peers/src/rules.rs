//! What a cache does, found out by asking it: each question has a cache of its own and a handler that
//! counts its calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::routing::any;
use futures_util::future::{LocalBoxFuture, join_all};
use http::header::{AGE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tokio::runtime::Runtime;

use crate::contender::{Contender, Place};
use crate::settle;
use crate::stand::{Answer, Stand};

/// A question to which yes is the good answer.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// What larder answers without any setting.
    pub(crate) by_larder: bool,
    ask: fn(&Contender) -> LocalBoxFuture<'_, bool>,
}

/// The answers of each contender, in the order of [`RULES`].
pub(crate) fn asked(runtime: &Runtime, contenders: &[&Contender]) -> Vec<Vec<bool>> {
    runtime.block_on(join_all(contenders.iter().map(|contender| {
        join_all(RULES.iter().map(|rule| (rule.ask)(contender)))
    })))
}

/// How many of [`RULES`], from the first, are what `Cache-Control` and `Vary` ask of a shared cache.
pub(crate) const HONOURS: usize = 5;

pub(crate) const RULES: [Rule; 15] = [
    Rule {
        name: "does not store `no-store`",
        by_larder: true,
        ask: |contender| Box::pin(forwards_again(contender, "no-store")),
    },
    Rule {
        name: "does not store `private`",
        by_larder: true,
        ask: |contender| Box::pin(forwards_again(contender, "private, max-age=600")),
    },
    Rule {
        name: "forwards when `max-age` is over",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[("cache-control", "max-age=1")]);
                scene.get(&[]).await;
                tokio::time::sleep(Duration::from_millis(2100)).await;
                scene.get(&[]).await;
                scene.calls() == 2
            })
        },
    },
    Rule {
        name: "`s-maxage` goes before `max-age`",
        by_larder: true,
        ask: |contender| Box::pin(forwards_again(contender, "max-age=600, s-maxage=0")),
    },
    Rule {
        name: "`Vary: Accept-Language` keeps languages apart",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH, ("vary", "accept-language")]);
                scene.get(&[("accept-language", "de")]).await;
                scene.get(&[("accept-language", "en")]).await.body == "2"
            })
        },
    },
    Rule {
        name: "… and both are stored",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH, ("vary", "accept-language")]);
                for language in ["de", "en", "de", "en"] {
                    scene.get(&[("accept-language", language)]).await;
                }
                scene.get(&[("accept-language", "de")]).await.body == "1" && scene.calls() == 2
            })
        },
    },
    Rule {
        name: "keeps users with `Authorization` apart",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH]);
                scene.get(&[("authorization", "Bearer a")]).await;
                scene.get(&[("authorization", "Bearer b")]).await.body == "2"
            })
        },
    },
    Rule {
        name: "gives `Set-Cookie` to one client only",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH, ("set-cookie", "session=1")]);
                scene.get(&[]).await;
                let other = scene.get(&[]).await;
                scene.calls() == 2 || !other.fields.contains_key(SET_COOKIE)
            })
        },
    },
    Rule {
        name: "keeps queries apart",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH]);
                scene.ask(Method::GET, "/products/42?page=1", &[]).await;
                let other = scene.ask(Method::GET, "/products/42?page=2", &[]);
                other.await.body == "2"
            })
        },
    },
    Rule {
        name: "tells the `Age`",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH]);
                scene.get(&[]).await;
                scene.get(&[]).await.fields.contains_key(AGE)
            })
        },
    },
    Rule {
        name: "304 to `If-None-Match`",
        by_larder: true,
        ask: |contender| {
            let fields = &[("if-none-match", "\"a\"")];
            Box::pin(hit(contender, Method::GET, fields, |answer| {
                answer.status == StatusCode::NOT_MODIFIED
            }))
        },
    },
    Rule {
        name: "206 to `Range`",
        by_larder: true,
        ask: |contender| {
            let fields = &[("range", "bytes=0-0")];
            Box::pin(hit(contender, Method::GET, fields, |answer| {
                answer.status == StatusCode::PARTIAL_CONTENT
            }))
        },
    },
    Rule {
        name: "answers `HEAD` from a stored `GET`",
        by_larder: true,
        ask: |contender| {
            Box::pin(hit(contender, Method::HEAD, &[], |answer| {
                answer.body.is_empty()
            }))
        },
    },
    Rule {
        name: "`POST` invalidates its URI",
        by_larder: true,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH]);
                scene.get(&[]).await;
                scene.ask(Method::POST, PATH, &[]).await;
                scene.get(&[]).await.body == "3"
            })
        },
    },
    Rule {
        name: "forwards a request with `no-cache`",
        by_larder: false,
        ask: |contender| {
            Box::pin(async move {
                let scene = Scene::new(contender, &[FRESH]);
                scene.get(&[]).await;
                scene.get(&[("cache-control", "no-cache")]).await.body == "2"
            })
        },
    },
];

/// Whether the second request for a response with this `Cache-Control` is forwarded.
async fn forwards_again(contender: &Contender, cache_control: &'static str) -> bool {
    let scene = Scene::new(contender, &[("cache-control", cache_control)]);
    scene.get(&[]).await;
    scene.get(&[]).await.body == "2"
}

/// Whether what is stored is answered with, in this way.
async fn hit(
    contender: &Contender,
    method: Method,
    fields: &[(&'static str, &'static str)],
    good: fn(&Answer) -> bool,
) -> bool {
    let scene = Scene::new(contender, &[FRESH, ("etag", "\"a\"")]);
    scene.get(&[]).await;
    let answer = scene.ask(method, PATH, fields).await;
    good(&answer) && scene.calls() == 1
}

/// A cache before a handler whose answers say which call they are of.
struct Scene {
    stand: Box<dyn Stand>,
    calls: Arc<AtomicUsize>,
}

impl Scene {
    fn new(contender: &Contender, fields: &[(&'static str, &'static str)]) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let fields: HeaderMap = fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let route = any(move || {
            let call = counted.fetch_add(1, Ordering::Relaxed) + 1;
            let mut response = Response::new(Body::from(call.to_string()));
            *response.headers_mut() = fields.clone();
            async move { response }
        });
        let stand = (contender.before)(Place::Route, route);
        Self { stand, calls }
    }

    async fn get(&self, fields: &[(&'static str, &'static str)]) -> Answer {
        self.ask(Method::GET, PATH, fields).await
    }

    async fn ask(
        &self,
        method: Method,
        target: &str,
        fields: &[(&'static str, &'static str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.header("host", "shop.example").body(Body::empty());
        let answer = self.stand.answer(request.expect("a request")).await;
        settle().await;
        answer
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

const PATH: &str = "/products/42";
const FRESH: (&str, &str) = ("cache-control", "max-age=600");
