//! Pages for everybody that come in more than one form: by language, by feature flag, by query.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use larder::{Key, KeyPart, PartWriter, RoutePolicy};
use larder_axum::Cached;
use serde_json::json;

use crate::cookie::cookie;
use crate::gullible::{help, search, site};
use crate::house::House;
use crate::secs;

pub fn routes(house: House<'_>) -> Router {
    let cache = house.cache;
    let minute = || house.rules(RoutePolicy::shared(secs(60)));
    // Accept-Language becomes one of three before the handler reads it; campaigns do not count.
    let welcome_key = Key::new()
        .languages(["en", "de", "fr"])
        .query_except(["utm_*"]);
    // Two parameters count, in whatever order.
    let search_key = Key::new().query(["q", "page"]).sorted_query();
    Router::new()
        .route(
            "/welcome",
            get(welcome).cached(cache, minute().key(welcome_key)),
        )
        .route(
            "/checkout",
            get(checkout)
                .cached(cache, minute().key(Key::new().extension::<Layout>()))
                .layer(from_fn(choose_layout)),
        )
        .route(
            "/search",
            get(search).cached(cache, minute().key(search_key)),
        )
        .route("/help/{*page}", get(help).cached(cache, minute()))
        // The same handlers with nothing declared: only the defaults protect them.
        .route(
            "/legacy/search",
            get(search).layer(larder_axum::layer(cache)),
        )
        .route(
            "/legacy/help/{*page}",
            get(help).layer(larder_axum::layer(cache)),
        )
}

async fn welcome(headers: HeaderMap) -> impl IntoResponse {
    let wanted = headers.get(header::ACCEPT_LANGUAGE);
    let (language, text) = match wanted.and_then(|value| value.to_str().ok()) {
        Some("de") => ("de", "Willkommen"),
        Some("fr") => ("fr", "Bienvenue"),
        _ => ("en", "Welcome"),
    };
    let fields = [
        (header::CONTENT_LANGUAGE, language),
        (header::VARY, "accept-language"),
    ];
    let site = site(&headers);
    (
        fields,
        Json(json!({ "says": text, "home": format!("{site}/welcome") })),
    )
}

/// The feature flag: whose browser has the cookie `beta=1` sees the new checkout.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Old,
    New,
}

impl Layout {
    const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl KeyPart for Layout {
    const NAME: &'static str = "layout";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.name());
    }
}

/// Outside the cache, as whatever decides on an input has to be.
async fn choose_layout(mut request: Request, next: Next) -> Response {
    let layout = match cookie(request.headers(), "beta") {
        Some("1") => Layout::New,
        _ => Layout::Old,
    };
    request.extensions_mut().insert(layout);
    next.run(request).await
}

async fn checkout(Extension(layout): Extension<Layout>) -> impl IntoResponse {
    Json(json!({ "layout": layout.name() }))
}
