//! A body breaks off while it is shared: what becomes of those who come at that moment.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use larder_tests::{
    Broken, Crowd, FedBody, Reply, Slow, feed, get, is_broken, poll_once, response,
};
use tokio::time::sleep;
use tower::ServiceExt;

use crate::collapse::FRESH;

type Last = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Does something when it is let go.
struct Parting {
    body: FedBody,
    last: Last,
}

impl http_body::Body for Parting {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        let last = self.last.lock().unwrap().take();
        last.into_iter().for_each(|last| last());
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_while_a_failed_body_is_let_go_share_one_call() {
    let (feeder, body) = feed();
    let last = Last::default();
    let first = Parting {
        body,
        last: Arc::clone(&last),
    };
    let first = Mutex::new(Some(Body::new(first)));
    let crowd = Crowd::new(Slow::new(move |_, _| {
        let first = first.lock().unwrap().take();
        async move {
            if let Some(body) = first {
                return Ok(response(200, &[FRESH], body));
            }
            sleep(Duration::from_secs(1)).await;
            Ok(response(200, &[FRESH], "body"))
        }
    }));
    feeder.data("part");
    let leader = crowd.open(get("/a")).await.unwrap().unwrap();

    let late = Arc::<Mutex<Vec<_>>>::default();
    let (service, sent) = (crowd.service.clone(), Arc::clone(&late));
    *last.lock().unwrap() = Some(Box::new(move || {
        for _ in 0..3 {
            let mut request = Box::pin(service.clone().oneshot(get("/a")));
            assert!(poll_once(&mut request).is_pending());
            sent.lock().unwrap().push(request);
        }
    }));
    feeder.fail();
    let error = leader.into_body().collect().await.unwrap_err();
    assert!(is_broken(&error));

    let late = std::mem::take(&mut *late.lock().unwrap());
    assert_eq!(late.len(), 3);
    let late = late.into_iter().map(tokio::spawn).collect::<Vec<_>>();
    for request in late {
        let response = request.await.unwrap().unwrap();
        assert_eq!(Reply::read(response).await.text(), "body");
    }
    assert_eq!(crowd.origin.calls(), 2);
}
