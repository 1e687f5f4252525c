//! The origin as a service: a pooled HTTP/1.1 client with a time limit.

use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body::Body as _;
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
            .http1_max_headers(MAX_FIELD_LINES)
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
            match tokio::time::timeout(timeout, send(&client, request)).await {
                // Nobody asked for an upgrade.
                Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    Err(OriginError(Kind::Upgrade))
                }
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => Err(OriginError(Kind::Client(error))),
                Err(_) => Err(OriginError(Kind::Timeout)),
            }
        })
    }
}

/// An origin may close an idle connection at the moment it is used again. A safe request that was
/// lost that way is sent once more (RFC 9110 section 9.2.2).
async fn send(
    client: &Client<HttpConnector, RequestBody>,
    request: Request<RequestBody>,
) -> Result<Response<Incoming>, ClientError> {
    let (parts, body) = request.into_parts();
    let again = (parts.method.is_safe() && body.is_end_stream()).then(|| parts.clone());
    match (
        client.request(Request::from_parts(parts, body)).await,
        again,
    ) {
        (Err(error), Some(parts)) if was_lost(&error) => {
            let request = Request::from_parts(parts, RequestBody::default());
            client.request(request).await
        }
        (result, _) => result,
    }
}

/// The connection ended before a response began.
fn was_lost(error: &ClientError) -> bool {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.any(|cause| {
        let ended = cause.downcast_ref::<hyper::Error>();
        let reset = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        ended.is_some_and(hyper::Error::is_incomplete_message)
            || (!error.is_connect() && reset == Some(io::ErrorKind::ConnectionReset))
    })
}

/// The origin gave no response.
#[derive(Debug)]
pub struct OriginError(Kind);

#[derive(Debug)]
enum Kind {
    Client(ClientError),
    Target,
    Timeout,
    Upgrade,
}

impl OriginError {
    /// What a client is told: 400, 502 or 504.
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Kind::Client(_) | Kind::Upgrade => StatusCode::BAD_GATEWAY,
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
            Kind::Upgrade => f.write_str("101 in response to a request without Upgrade"),
        }
    }
}

impl std::error::Error for OriginError {}

/// Beyond this many fields a response head is refused.
const MAX_FIELD_LINES: usize = 512;

const IDLE_CONNECTION: Duration = Duration::from_secs(15);
