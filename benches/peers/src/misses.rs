//! How often the handler is called for many requests at once for what is not stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use http::Method;
use larder_benches::{bytes_of, handler_response, request};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::contender::{Contender, Place};
use crate::settle;

/// Handler calls for a thousand cold misses of one key. The handler does not answer before all of them
/// are under way.
pub(crate) fn calls(runtime: &Runtime, contender: &Contender) -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let (counted, waited) = (Arc::clone(&calls), Arc::clone(&gate));
    let route = get(move || {
        let gate = Arc::clone(&waited);
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            drop(gate.acquire().await);
            handler_response(bytes_of(2 << 10))
        }
    });
    let stand = (contender.before)(Place::Route, route);
    runtime.block_on(async {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let begun = Arc::clone(&begun);
            let answer = stand.another().answer(request(Method::GET, "/products/42"));
            clients.push(tokio::spawn(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                answer.await
            }));
        }
        while begun.load(Ordering::Relaxed) < CLIENTS {
            settle().await;
        }
        settle().await;
        gate.add_permits(CLIENTS);
        for client in clients {
            let answer = client.await.expect("an answer");
            assert_eq!(answer.body.len(), 2 << 10, "{}", contender.name);
        }
    });
    calls.load(Ordering::Relaxed)
}

const CLIENTS: usize = 1000;
