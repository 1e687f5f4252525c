//! [`Client`]: requests, and the words with which one would type them.

use axum::http::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::fleet::Shop;

/// What all nodes are called by their clients: the address is part of the key.
const HOST: &str = "shop.example";

pub(crate) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

/// One to send.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) cookie: &'a str,
    pub(crate) json: &'a str,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) cache: String,
    pub(crate) set_cookie: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build_http())
    }

    pub(crate) async fn send(&self, shop: &Shop, ask: Ask<'_>) -> Result<Reply, String> {
        let request = Request::builder()
            .method(ask.method)
            .uri(format!("http://{}{}", shop.address, ask.path))
            .header("host", HOST)
            .header("cookie", ask.cookie)
            .header("content-type", "application/json")
            .body(Full::from(ask.json.to_owned()))
            .map_err(|error| error.to_string())?;
        let response = self.0.request(request).await;
        let (head, body) = response.map_err(|error| error.to_string())?.into_parts();
        let field = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let field = |name| field(name).unwrap_or_default().to_owned();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Reply {
            status: head.status.as_u16(),
            cache: field("cache-status"),
            set_cookie: field("set-cookie")
                .split(';')
                .next()
                .unwrap_or_default()
                .to_owned(),
            body: String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
        })
    }
}

impl Ask<'_> {
    pub(crate) fn curl(&self, shop: &Shop) -> String {
        let mut line = format!("curl -i -H 'Host: {HOST}'");
        if self.method != "GET" && self.json.is_empty() {
            line += &format!(" -X {}", self.method);
        } else if self.method == "PUT" {
            line += " -X PUT";
        }
        if !self.cookie.is_empty() {
            line += &format!(" -H 'Cookie: {}'", self.cookie);
        }
        line += &format!(" http://{}{}", shop.address, self.path);
        if !self.json.is_empty() {
            line += &format!(" --json '{}'", self.json);
        }
        line
    }
}
