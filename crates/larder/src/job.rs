//! A request on its way to the inner service: what was asked, and what may come of it.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode, Uri};
use larder_policy::RequestHead;
use larder_policy::fields::ForwardReason;
use larder_policy::key::MethodClass;

use crate::context::Context;
use crate::entry::Entry;
use crate::trace::{self, Outcome};

/// One forwarded request.
pub(crate) struct Job {
    pub(crate) context: Arc<Context>,
    pub(crate) sent: Sent,
    pub(crate) fetch: Fetch,
}

impl Job {
    /// Tells what came back.
    pub(crate) fn forwarded(&self, status: StatusCode) {
        let (reason, status) = (self.fetch.reason, status.as_u16());
        trace::answered(&self.context.cache, Outcome::Forwarded { reason, status });
    }

    /// Tells that nothing usable came back.
    pub(crate) fn failed(&self) {
        let reason = self.fetch.reason;
        trace::answered(&self.context.cache, Outcome::Failed { reason });
    }
}

/// A request that has to be forwarded, and what may come of it.
pub(crate) struct Fetch {
    pub(crate) class: MethodClass,
    pub(crate) key: Arc<[u8]>,
    pub(crate) reason: ForwardReason,
    pub(crate) url: u64,
    /// What is to be validated, and the key it stands under.
    pub(crate) stored: Option<(Arc<[u8]>, Arc<Entry>)>,
}

/// A request head kept after the request itself has gone to the inner service.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Sent {
    pub(crate) fn of<B>(context: &Context, request: &Request<B>) -> Self {
        let uri = (context.target)(request.extensions()).unwrap_or_else(|| request.uri());
        Self {
            method: request.method().clone(),
            uri: uri.clone(),
            headers: request.headers().clone(),
        }
    }

    pub(crate) fn head(&self) -> RequestHead<'_> {
        RequestHead::new(&self.method, &self.uri, &self.headers, false)
    }
}
