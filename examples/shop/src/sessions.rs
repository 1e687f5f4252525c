//! Logging in and out, and the middleware that says who asks. It is outside the cache: it sees every
//! request, hits included.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use larder::{Cache, Purge};
use serde_json::Value;

use crate::cookie::cookie;
use crate::identity::{SESSION, User};

/// Who is logged in, by the token in the session cookie.
#[derive(Clone)]
pub struct Sessions {
    cache: Cache,
    users: Arc<Mutex<HashMap<String, &'static User>>>,
}

impl Sessions {
    pub fn new(cache: &Cache) -> Self {
        Self {
            cache: cache.clone(),
            users: Arc::default(),
        }
    }

    fn user(&self, headers: &HeaderMap) -> Option<&'static User> {
        self.users().get(cookie(headers, SESSION)?).copied()
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, &'static User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns the session cookie into types that routes are partitioned by.
pub async fn authenticate(
    State(sessions): State<Sessions>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(user) = sessions.user(request.headers()) {
        let extensions = request.extensions_mut();
        extensions.insert(user.id);
        extensions.insert(user.tenant);
        extensions.insert(user.roles);
    }
    next.run(request).await
}

pub async fn form() -> &'static str {
    "POST {\"user\":\"alice\"} to log in\n"
}

pub async fn login(State(sessions): State<Sessions>, Json(body): Json<Value>) -> Response {
    let name = body.get("user").and_then(Value::as_str);
    let Some(user) = name.and_then(User::named) else {
        return (StatusCode::UNAUTHORIZED, "no such user\n").into_response();
    };
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let token = format!("{:032x}", u128::from_ne_bytes(random));
    let cookie = format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Lax");
    sessions.users().insert(token, user);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Ends the session, and drops what the cache has of its user, on all nodes.
pub async fn logout(State(sessions): State<Sessions>, headers: HeaderMap) -> Response {
    let token = cookie(&headers, SESSION).unwrap_or_default();
    let Some(user) = sessions.users().remove(token) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    // What cannot be told to the other nodes now is told as soon as it can be.
    let _ = sessions.cache.purge(Purge::identity(&user.id)).await;
    let expired = format!("{SESSION}=; Path=/; Max-Age=0");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, expired)]).into_response()
}
