use std::sync::Arc;

use axum::body::Body;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::net::{Client, Protocol, Site, everywhere, response};

const CLIENTS: usize = 32;

/// The handler answers only after it was called and all have sent their requests.
#[tokio::test]
async fn all_who_ask_for_one_cold_key_at_once_are_answered() {
    everywhere(|stack, protocol| async move {
        let (arrived, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (arrives, waits) = (Arc::clone(&arrived), Arc::clone(&gate));
        let site = Site::start(stack, move |_, _| {
            let (arrives, waits) = (Arc::clone(&arrives), Arc::clone(&waits));
            async move {
                arrives.add_permits(1);
                let _open = waits.acquire().await.unwrap();
                response(
                    &[("cache-control", "max-age=60")],
                    Body::from("the one answer"),
                )
            }
        })
        .await;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(Client::open(&site, protocol).await);
        }
        let asking = join_all(clients.iter_mut().map(|client| client.get("/a")));
        let opening = async {
            let _first = arrived.acquire().await.unwrap();
            gate.add_permits(CLIENTS);
        };
        let (replies, ()) = futures_util::future::join(asking, opening).await;
        assert_eq!(replies.len(), CLIENTS);
        for reply in replies {
            assert_eq!(
                (reply.status.as_u16(), reply.text()),
                (200, "the one answer")
            );
        }
        assert!((1..=CLIENTS).contains(&site.calls()));
        assert!(clients[0].get("/a").await.is_hit());
    })
    .await;
}

#[tokio::test]
async fn streams_of_one_connection_do_not_wait_for_one_another() {
    for stack in [crate::net::Stack::Axum, crate::net::Stack::Hyper] {
        crate::net::within(async {
            let gate = Arc::new(Semaphore::new(0));
            let waits = Arc::clone(&gate);
            let site = Site::start(stack, move |request, _| {
                let waits = Arc::clone(&waits);
                async move {
                    if request.uri().path() == "/slow" {
                        let _open = waits.acquire().await.unwrap();
                    }
                    response(&[("cache-control", "max-age=60")], Body::from("a"))
                }
            })
            .await;
            let mut client = Client::open(&site, Protocol::Http2).await;
            let mut second = client.another();
            let slow = client.get("/slow");
            let fast = async {
                assert!(!second.get("/fast").await.is_hit());
                assert!(second.get("/fast").await.is_hit());
                gate.add_permits(1);
            };
            let (slow, ()) = futures_util::future::join(slow, fast).await;
            assert_eq!(slow.text(), "a");
        })
        .await;
    }
}
