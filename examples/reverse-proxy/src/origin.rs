//! The origin as a service: a pooled HTTP/1.1 client with a time limit.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

/// Body of forwarded requests. The cache needs an empty one for requests of its own, hence the box.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, hyper::Error>;

#[derive(Clone)]
pub(crate) struct Origin {
    authority: Authority,
    client: Client<HttpConnector, RequestBody>,
    timeout: Duration,
}

impl Origin {
    pub(crate) fn new(authority: Authority, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(connector);
        Self {
            authority,
            client,
            timeout,
        }
    }

    /// Where the request goes; `Host` still says what the client asked for.
    fn target(&self, uri: &Uri) -> Result<Uri, http::Error> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

impl Service<Request<RequestBody>> for Origin {
    type Response = Response<Incoming>;
    type Error = OriginError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, OriginError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OriginError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let (client, timeout) = (self.client.clone(), self.timeout);
        let target = self.target(request.uri());
        Box::pin(async move {
            *request.uri_mut() = target.map_err(|_| OriginError(Kind::Target))?;
            match tokio::time::timeout(timeout, client.request(request)).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => Err(OriginError(Kind::Client(error))),
                Err(_) => Err(OriginError(Kind::Timeout)),
            }
        })
    }
}

/// The origin gave no response.
#[derive(Debug)]
pub struct OriginError(Kind);

#[derive(Debug)]
enum Kind {
    Client(ClientError),
    Target,
    Timeout,
}

impl OriginError {
    /// What a client is told: 400, 502 or 504.
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Kind::Client(_) => StatusCode::BAD_GATEWAY,
            Kind::Target => StatusCode::BAD_REQUEST,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Client(error) => match error.source() {
                Some(cause) => write!(f, "{error}: {cause}"),
                None => error.fmt(f),
            },
            Kind::Target => f.write_str("not a target that can be forwarded"),
            Kind::Timeout => f.write_str("no response in time"),
        }
    }
}

impl std::error::Error for OriginError {}

const IDLE_CONNECTION: Duration = Duration::from_secs(15);
