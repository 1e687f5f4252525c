//! Followers whose request selects another variant (RFC 9111 section 4.1).

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use larder_tests::{Client, Crowd, Reply, Slow, replies, request, response, settle};
use tokio::time::sleep;

use crate::collapse::FRESH;

const VARY: (&str, &str) = ("vary", "accept-language");

fn in_language(language: &str) -> Request<Body> {
    request("GET", "/a", &[("accept-language", language)])
}

/// Answers in the language that is asked for, after a second; in two pieces if `streamed`.
fn translating(streamed: bool) -> Crowd {
    Crowd::new(Slow::second(move |seen, _| {
        let language = seen.headers["accept-language"].to_str().unwrap().to_owned();
        if !streamed {
            return response(200, &[FRESH, VARY], language);
        }
        let (first, second) = language.split_at(1);
        let pieces = [first, second].map(|piece| Bytes::from(piece.to_owned()));
        let pieces = stream::unfold(pieces.into_iter(), |mut pieces| async {
            sleep(Duration::from_secs(1)).await;
            let piece = pieces.next()?;
            Some((Ok::<_, std::convert::Infallible>(piece), pieces))
        });
        response(200, &[FRESH, VARY], Body::from_stream(pieces))
    }))
}

fn speakers(crowd: &Crowd, language: &'static str, count: usize) -> Vec<Client> {
    crowd.send_all(count, |_| in_language(language))
}

fn assert_in(language: &str, replies: &[Reply]) {
    assert!(replies.iter().all(|reply| reply.text() == language));
}

#[tokio::test(start_paused = true)]
async fn two_languages_are_two_calls() {
    for streamed in [false, true] {
        let crowd = translating(streamed);
        let english = speakers(&crowd, "en", 100);
        let french = speakers(&crowd, "fr", 100);
        assert_in("en", &replies(english).await);
        assert_in("fr", &replies(french).await);
        assert_eq!(crowd.origin.calls(), 2);
        for language in ["en", "fr"] {
            let hits = replies(speakers(&crowd, language, 10)).await;
            assert_in(language, &hits);
            assert!(hits.iter().all(Reply::is_hit));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_languages_in_any_order_are_one_call_each() {
    let crowd = translating(true);
    let languages: Vec<String> = (0..20).map(|number| format!("language-{number}")).collect();
    let clients = crowd.send_all(400, |client| in_language(&languages[client * 7 % 20]));
    for (client, reply) in replies(clients).await.iter().enumerate() {
        assert_eq!(reply.text(), languages[client * 7 % 20]);
    }
    assert_eq!(crowd.origin.calls(), 20);
    // The first for nobody knew how many there are; the others side by side.
    assert_eq!(crowd.origin.counts().overlap, 19);
}

#[tokio::test(start_paused = true)]
async fn other_language_goes_forward_as_soon_as_the_head_is_known() {
    let crowd = translating(true);
    let english = speakers(&crowd, "en", 10);
    let french = speakers(&crowd, "fr", 10);
    sleep(Duration::from_millis(1_500)).await;
    // The English body is still to come.
    assert!(english.iter().all(|client| !client.is_done()));
    assert_eq!(crowd.origin.calls(), 2);
    let late = speakers(&crowd, "fr", 10);
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
    assert_in("fr", &replies(french).await);
    assert_in("fr", &replies(late).await);
    assert_in("en", &replies(english).await);
    assert_eq!(crowd.origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn new_variant_of_what_is_stored_is_one_call() {
    let crowd = translating(false);
    assert_in("en", &replies(speakers(&crowd, "en", 1)).await);
    let french = speakers(&crowd, "fr", 100);
    let german = speakers(&crowd, "de", 100);
    settle().await;
    // What varies is known: they do not wait for one another.
    assert_eq!(crowd.origin.counts().inside, 2);
    let french = replies(french).await;
    assert_in("fr", &french);
    assert_in("de", &replies(german).await);
    let told = |status| crate::collapse::told(&french, status);
    assert_eq!(told("larder; fwd=vary-miss; stored"), 1);
    assert_eq!(told("larder; fwd=vary-miss; collapsed"), 99);
    assert_eq!(crowd.origin.calls(), 3);
}
