//! One connection, over a pipe in memory.

use std::time::Duration;

use larder::shared::StoreErrorKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, split};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::command::Command;
use super::connection::{Batch, Bounds, Ended, run};
use super::reply::{Answer, Malformed};

type Answers = oneshot::Receiver<Result<Vec<Answer>, larder::shared::StoreError>>;

/// A connection, and the end of it that a server has.
fn start(in_flight: usize) -> (mpsc::Sender<Batch>, DuplexStream, JoinHandle<Ended>) {
    let (ours, theirs) = duplex(1 << 16);
    let (ask, mut requests) = mpsc::channel(16);
    let bounds = Bounds {
        longest_value: 1 << 20,
        in_flight,
        silence: Duration::from_secs(2),
    };
    let running = tokio::spawn(async move {
        let (reader, writer) = split(ours);
        run(reader, writer, &mut requests, bounds).await
    });
    (ask, theirs, running)
}

async fn ask(queue: &mpsc::Sender<Batch>, key: &str) -> Answers {
    let (done, answers) = oneshot::channel();
    let commands = vec![Command::get(key.to_owned())];
    queue
        .send(Batch { commands, done })
        .await
        .expect("a connection");
    answers
}

async fn read(server: &mut DuplexStream) -> String {
    let mut bytes = vec![0; 1 << 16];
    let length = server.read(&mut bytes).await.expect("a request");
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

async fn write(server: &mut DuplexStream, text: &str) {
    server
        .write_all(text.as_bytes())
        .await
        .expect("somebody reads");
}

async fn value(answers: Answers) -> Option<bytes::Bytes> {
    let mut answers = answers.await.expect("a connection").expect("no error");
    answers.pop().expect("one answer").value
}

#[tokio::test(start_paused = true)]
async fn requests_are_written_together_and_answered_in_order() {
    let (queue, mut server, _running) = start(16);
    let (a, b) = (ask(&queue, "a").await, ask(&queue, "b").await);
    let asked = read(&mut server).await;
    assert_eq!(asked, "mg a k O1 v c t\r\nmg b k O2 v c t\r\n");
    write(&mut server, "VA 1 ka O1\r\nA\r\nVA 1 kb O2\r\nB\r\n").await;
    assert_eq!(value(a).await, Some("A".into()));
    assert_eq!(value(b).await, Some("B".into()));
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_call_that_was_dropped_is_dropped() {
    let (queue, mut server, _running) = start(16);
    let (a, b) = (ask(&queue, "a").await, ask(&queue, "b").await);
    read(&mut server).await;
    drop(a);
    write(&mut server, "VA 1 ka O1\r\nA\r\nVA 1 kb O2\r\nB\r\n").await;
    assert_eq!(value(b).await, Some("B".into()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_before_it_was_written_is_not_sent() {
    let (queue, mut server, _running) = start(16);
    drop(ask(&queue, "a").await);
    let b = ask(&queue, "b").await;
    assert_eq!(read(&mut server).await, "mg b k O1 v c t\r\n");
    write(&mut server, "VA 1 kb O1\r\nB\r\n").await;
    assert_eq!(value(b).await, Some("B".into()));
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_written_than_may_be_in_flight() {
    let (queue, mut server, _running) = start(2);
    let mut waiting = Vec::new();
    for key in ["a", "b", "c", "d"] {
        waiting.push(ask(&queue, key).await);
    }
    // The third is held by the reader's first answer only.
    assert_eq!(
        read(&mut server).await,
        "mg a k O1 v c t\r\nmg b k O2 v c t\r\n"
    );
    write(&mut server, "EN ka O1\r\nEN kb O2\r\n").await;
    assert_eq!(
        read(&mut server).await,
        "mg c k O3 v c t\r\nmg d k O4 v c t\r\n"
    );
    write(&mut server, "EN kc O3\r\nEN kd O4\r\n").await;
    for answers in waiting {
        assert_eq!(value(answers).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_left_and_one_that_owes_nothing_is_not() {
    let (queue, mut server, running) = start(16);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(!running.is_finished());
    let a = ask(&queue, "a").await;
    read(&mut server).await;
    assert!(matches!(running.await.expect("no panic"), Ended::Silent));
    assert!(a.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_something_now_and_then_is_waited_for() {
    let (queue, mut server, running) = start(16);
    let a = ask(&queue, "a").await;
    read(&mut server).await;
    write(&mut server, "VA 10 ka O1\r\n").await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(1900)).await;
        write(&mut server, "x").await;
    }
    write(&mut server, "\r\n").await;
    assert_eq!(value(a).await, Some("xxxxxxxxxx".into()));
    assert!(!running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn many_values_within_the_limit_are_not_gathered_without_end() {
    let (queue, mut server, running) = start(16);
    let (done, answers) = oneshot::channel();
    let commands = (0..40).map(|_| Command::get("a".to_owned())).collect();
    queue
        .send(Batch { commands, done })
        .await
        .expect("a connection");
    read(&mut server).await;
    let value = "x".repeat(1 << 20);
    for number in 1..=40 {
        let answer = format!("VA {} ka O{number}\r\n{value}\r\n", value.len());
        if server.write_all(answer.as_bytes()).await.is_err() {
            break;
        }
    }
    let error = answers
        .await
        .expect("an error of its own")
        .expect_err("too much");
    assert_eq!(error.kind(), StoreErrorKind::Protocol);
    let ended = running.await.expect("no panic");
    assert!(matches!(ended, Ended::Malformed(Malformed::Endless)));
}

#[tokio::test(start_paused = true)]
async fn one_wrong_answer_ends_the_connection_for_all() {
    let (queue, mut server, running) = start(16);
    let (a, b) = (ask(&queue, "a").await, ask(&queue, "b").await);
    read(&mut server).await;
    write(&mut server, "VA 1 kb O2\r\nB\r\nVA 1 ka O1\r\nA\r\n").await;
    let error = a
        .await
        .expect("an error of its own")
        .expect_err("misplaced");
    assert_eq!(error.kind(), StoreErrorKind::Protocol);
    assert!(b.await.is_err());
    let ended = running.await.expect("no panic");
    assert!(matches!(ended, Ended::Malformed(Malformed::Misplaced)));
}
