//! [`Plan`]: what becomes of a request.

use std::sync::Arc;

use larder_policy::{BypassReason, Serving};

use crate::entry::Entry;
use crate::job::Fetch;
use crate::look::Found;
use crate::turn::Turn;

/// What is to be done about a request. Small: the response is made where it is returned.
pub(crate) enum Plan {
    Bypass(BypassReason),
    Fetch(Box<Fetch>),
    /// Who asks for validation may not have that.
    Forbid,
    /// Answer from the stored response, and validate it in the background.
    Refresh(Arc<Entry>, Serving, Box<(Box<Fetch>, Turn)>),
    /// Validate the stored response, and answer with what comes of it.
    Renew(Box<(Box<Fetch>, Turn)>),
    /// The client wants a stored response or none (RFC 9111 section 5.2.1.7), and there is none.
    Refuse,
    Serve(Found, Serving, &'static str),
    /// Forward; what comes back may invalidate. With the reason, if it is not the method.
    Unsafe(Option<BypassReason>),
}
