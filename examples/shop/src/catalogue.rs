//! Products that can be read, listed and edited.

use std::collections::BTreeMap;
use std::io::{Error, Result};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, process};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use serde_json::{Value, json};

/// What there is to buy. Without a file each shop has its own.
pub struct Catalogue {
    inner: Mutex<Inner>,
    /// Read before each look, and written after each edit.
    file: Option<PathBuf>,
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
            file: None,
        }
    }
}

impl Catalogue {
    /// Prices that several shops have in common: the file stands for the database that nodes of a real
    /// API share. One that is not there is made.
    ///
    /// # Errors
    ///
    /// It cannot be read or written, or holds something else.
    pub fn in_file(file: PathBuf) -> Result<Self> {
        let mut catalogue = Self::default();
        let inner = catalogue
            .inner
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        match file.exists() {
            true => inner.load(&file)?,
            false => inner.save(&file)?,
        }
        catalogue.file = Some(file);
        Ok(catalogue)
    }

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

    /// Sells it for another price from now on.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn edit(&self, id: u32, cents: u32) -> Result<()> {
        self.with(|inner| {
            inner.prices.insert(id, cents);
            inner.version += 1;
            self.file.as_ref().map_or(Ok(()), |file| inner.save(file))
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = self.file.as_ref().map(|file| inner.load(file)) {
            eprintln!("shop: {error}; the prices that were last read are used");
        }
        look(&mut inner)
    }
}

impl Inner {
    fn load(&mut self, file: &FilePath) -> Result<()> {
        let named = |error: Error| Error::other(format!("{}: {error}", file.display()));
        let text = fs::read(file).map_err(named)?;
        (self.version, self.prices) =
            serde_json::from_slice(&text).map_err(|error| named(error.into()))?;
        Ok(())
    }

    /// Whoever reads meanwhile gets the old file or the new one.
    fn save(&self, file: &FilePath) -> Result<()> {
        let named = |error: Error| Error::other(format!("{}: {error}", file.display()));
        let text = json!([self.version, self.prices]).to_string();
        let new = file.with_extension(format!("{}.new", process::id()));
        fs::write(&new, text).map_err(named)?;
        fs::rename(&new, file).map_err(named)
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
    match catalogue.edit(id, cents) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
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
