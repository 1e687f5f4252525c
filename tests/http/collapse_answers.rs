//! What followers are answered: as if from the store (RFC 9111 section 4), and said to be collapsed.

use std::collections::BTreeSet;

use larder_tests::{Crowd, Reply, Slow, fed_first, replies, request, response, settle};

use crate::collapse::{FOLLOWER, LEADER, told};

const FIELDS: [(&str, &str); 13] = [
    (
        "cache-control",
        "max-age=60, no-cache=\"set-cookie\", private=\"x-user\"",
    ),
    ("connection", "x-hop"),
    ("content-type", "text/plain"),
    ("keep-alive", "timeout=5"),
    ("link", "<a>; rel=next"),
    ("link", "<b>; rel=prev"),
    ("proxy-authenticate", "Basic"),
    ("set-cookie", "session=leader"),
    ("upgrade", "h3"),
    ("vary", "accept"),
    ("x-any", "\u{fc}"),
    ("x-hop", "1"),
    ("x-user", "leader"),
];

const FOR_ONE: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "set-cookie",
    "upgrade",
    "x-hop",
    "x-user",
];

/// All lines but those of `except`.
fn fields(reply: &Reply, except: &[&str]) -> BTreeSet<(String, Vec<u8>)> {
    let lines = reply.headers.iter();
    lines
        .filter(|(name, _)| !except.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

/// A leader, a follower from before the head, one from after it, if there is time for that, and a
/// hit. The inner service takes five seconds, and another seven over a body that is streamed.
async fn fetch(own: &[(&'static str, &'static str)], streamed: bool) -> Vec<Reply> {
    let all: Vec<_> = FIELDS.iter().chain(own).copied().collect();
    let (answer, feeder) = fed_first(&all);
    let (origin, gate) = Slow::gated(move |seen, before| match streamed {
        true => answer(seen, before),
        false => response(200, &all, "0123456789"),
    });
    let crowd = Crowd::new(origin);
    let get = || request("GET", "/a", &[("accept", "*/*")]);
    let mut clients = crowd.send_all(2, |_| get());
    settle().await;
    crowd.clock.advance(5);
    gate.open(1);
    settle().await;
    if streamed {
        crowd.clock.advance(7);
        clients.push(crowd.send(get()));
        settle().await;
        feeder.data("0123456789");
        feeder.end();
    }
    let mut replies = replies(clients).await;
    replies.push(crowd.send(get()).reply().await);
    assert_eq!(crowd.origin.calls(), 1);
    replies
}

#[tokio::test(start_paused = true)]
async fn collapsed_answer_has_the_fields_of_a_hit() {
    let own = [("content-length", "10"), ("etag", "\"a\"")];
    for streamed in [false, true] {
        let replies = fetch(&own, streamed).await;
        let (hit, shared) = replies.split_last().unwrap();
        assert!(hit.is_hit());
        assert_eq!(
            (told(shared, LEADER), told(shared, FOLLOWER)),
            (1, shared.len() - 1)
        );
        let last = shared.last().unwrap();
        let except = ["cache-status"];
        assert_eq!(fields(last, &except), fields(hit, &except), "{streamed}");
        for follower in &shared[1..] {
            assert_eq!(follower.headers.keys_len(), hit.headers.keys_len());
            assert!(FOR_ONE.iter().all(|name| !follower.has(name)));
            assert_eq!(follower.text(), "0123456789");
        }
        // The leader gets all that the inner service said.
        assert_eq!(shared[0].field("set-cookie"), "session=leader");
        assert_eq!(shared[0].field("x-user"), "leader");
    }
}

#[tokio::test(start_paused = true)]
async fn collapsed_answer_lacks_only_what_the_whole_body_will_tell() {
    let replies = fetch(&[], true).await;
    let (hit, shared) = replies.split_last().unwrap();
    let from_body = ["cache-status", "content-length", "etag"];
    assert_eq!(fields(&shared[2], &from_body), fields(hit, &from_body));
    assert!(from_body.iter().all(|name| hit.has(name)));
    assert!(!shared[2].has("content-length") && !shared[2].has("etag"));
}

#[tokio::test(start_paused = true)]
async fn collapsed_answer_tells_its_age_and_date() {
    for streamed in [false, true] {
        let replies = fetch(&[], streamed).await;
        let date = larder_tests::TestClock::default().date(5);
        assert_eq!(replies[1].field("age"), "5", "{streamed}");
        assert_eq!(replies[1].field("date"), date);
        if streamed {
            assert_eq!(
                (replies[2].field("age"), replies[2].field("date")),
                ("12", &*date)
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn follower_of_a_response_that_grew_too_old_goes_forward() {
    let (answer, feeder) = fed_first(&[("cache-control", "max-age=10")]);
    let origin = Slow::new(move |seen, before| std::future::ready(Ok(answer(&seen, before))));
    let crowd = Crowd::new(origin);
    let early = crowd.get("/a");
    settle().await;
    crowd.clock.advance(10);
    let late = crowd.get("/a");
    settle().await;
    feeder.data("old");
    feeder.end();
    assert_eq!(early.reply().await.text(), "old");
    assert_eq!(late.reply().await.text(), "call 2");
}
