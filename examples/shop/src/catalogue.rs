//! Products that can be read, listed and edited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use serde_json::{Value, json};

pub struct Catalogue {
    inner: Mutex<Inner>,
}

struct Inner {
    prices: BTreeMap<u32, u32>,
    /// Counts edits; it is the catalogue's entity tag.
    version: u32,
    /// Counts what the handlers really did.
    reads: u32,
    reports: u32,
}

impl Default for Catalogue {
    fn default() -> Self {
        let prices = BTreeMap::from([(1, 1999), (2, 499), (42, 12_500)]);
        let inner = Inner {
            prices,
            version: 1,
            reads: 0,
            reports: 0,
        };
        Self {
            inner: Mutex::new(inner),
        }
    }
}

impl Catalogue {
    /// One more report was made; how many that are.
    pub fn report_made(&self) -> u32 {
        self.with(|inner| {
            inner.reports += 1;
            inner.reports
        })
    }

    /// What these products cost, those that there are.
    pub fn prices(&self, products: &[u32]) -> Vec<u32> {
        self.with(|inner| {
            let price = |id: &u32| inner.prices.get(id).copied();
            products.iter().filter_map(price).collect()
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub async fn product(State(catalogue): State<Arc<Catalogue>>, Path(id): Path<u32>) -> Response {
    let (price, reads) = catalogue.with(|inner| {
        inner.reads += 1;
        (inner.prices.get(&id).copied(), inner.reads)
    });
    match price {
        Some(cents) => {
            Json(json!({ "id": id, "cents": cents, "handler_calls": reads })).into_response()
        }
        None => (StatusCode::NOT_FOUND, "no such product\n").into_response(),
    }
}

pub async fn edit(
    State(catalogue): State<Arc<Catalogue>>,
    Path(id): Path<u32>,
    Json(body): Json<Value>,
) -> StatusCode {
    let cents = body.get("cents").and_then(Value::as_u64);
    let Some(cents) = cents.and_then(|cents| u32::try_from(cents).ok()) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    catalogue.with(|inner| {
        inner.prices.insert(id, cents);
        inner.version += 1;
    });
    StatusCode::NO_CONTENT
}

/// All products and what they cost, made anew each time.
pub async fn all(State(catalogue): State<Arc<Catalogue>>) -> Response {
    let prices = catalogue.with(|inner| inner.prices.clone());
    Json(json!({ "products": prices.len(), "cents": prices })).into_response()
}

/// All products, with an entity tag that lets a stored list be confirmed without sending it again.
pub async fn list(State(catalogue): State<Arc<Catalogue>>, headers: HeaderMap) -> Response {
    let (prices, version) = catalogue.with(|inner| (inner.prices.clone(), inner.version));
    let tag = format!("\"catalogue-{version}\"");
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| value == tag.as_str());
    let fields = [(header::ETAG, tag)];
    if known {
        return (http::StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, Json(json!({ "cents": prices }))).into_response()
}
