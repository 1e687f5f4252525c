//! Validating a stored response for whoever keeps it fresh.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body::Body;
use larder_policy::RequestHead;
use tower_service::Service;

use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::context::Context;
use crate::drive::drive;
use crate::errand::{Came, Errand};
use crate::job::Fetch;
use crate::look::STALE_WHILE_REVALIDATE;
use crate::plan::Plan;
use crate::planning::plan;
use crate::refresh::{lead, validate};
use crate::reply;
use crate::turn::Turn;

/// Validates a stored response, and answers with what comes of that.
pub(crate) async fn renew<S, B, C>(
    context: Arc<Context>,
    inner: S,
    request: Request<B>,
    fetch: Box<Fetch>,
    mut turn: Turn,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let errand = Errand::of(request.extensions()).cloned();
    // Whoever lent the turn has a place for both.
    let place = (!turn.is_lent()).then(|| context.cache.shared().background.place());
    let led = match place {
        Some(None) => None,
        _ => lead(&context, &request, fetch, turn.entry()),
    };
    let Some((job, renewed)) = led else {
        // Too much is running, or it is being fetched already.
        drop(turn);
        if let Some(errand) = errand {
            errand.note(Came::Busy);
        }
        return answer(context, inner, request).await;
    };
    turn.begin();
    let held = place.flatten().map(|place| (turn, place));
    // Nobody else begins before all of the response is there.
    let _until_its_head = match (&errand, held) {
        (Some(errand), Some(held)) => {
            errand.hold(held);
            None
        }
        (_, held) => held,
    };
    validate(inner, job, renewed).await
}

/// Answers as if a client had asked, without another validation in the background.
async fn answer<S, B, C>(
    context: Arc<Context>,
    inner: S,
    request: Request<B>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let uri = context.target_of(&request);
    let head = RequestHead::new(request.method(), uri, request.headers(), false);
    let fetch = match plan(&context, &head, request.extensions(), false) {
        Plan::Fetch(fetch) => fetch,
        Plan::Serve(entry, serving, detail) => {
            return Ok(reply::hit(&context, &head, &entry, serving, detail));
        }
        Plan::Refresh(entry, serving, _) => {
            let detail = STALE_WHILE_REVALIDATE;
            return Ok(reply::hit(&context, &head, &entry, serving, detail));
        }
        _ => return Ok(reply::local(StatusCode::GATEWAY_TIMEOUT)),
    };
    let berth = Arc::new(Berth::new(context.cache.clone(), false));
    drive(context, inner, request, fetch, berth).await
}
