//! What such a server says.

use std::time::Duration;

use larder::shared::{EntryKey, EntryStore, InvalidationLog, LogPosition, StoreErrorKind, Wish};
use larder_memcached::{ConnectErrorKind, MemcachedTier};

use crate::script::{Asked, Script};

async fn tier(script: &Script) -> MemcachedTier {
    MemcachedTier::builder()
        .add_servers([script.address.to_string()])
        .silence_timeout(Duration::from_millis(500))
        .longest_value(1 << 20)
        .connect()
        .await
        .expect("it greets as it should")
}

/// What a call ends with. It ends in any case.
async fn read(script: &Script) -> Result<Option<bytes::Bytes>, StoreErrorKind> {
    let tier = tier(script).await;
    let found = tier.get(&EntryKey::new([1; 32]), Wish::Read).await;
    found
        .map(|found| found.primary)
        .map_err(|error| error.kind())
}

fn value(asked: &Asked, text: &str) -> Vec<u8> {
    let Asked { key, opaque, .. } = asked;
    format!("VA {} k{key} O{opaque} c1 t-1\r\n{text}\r\n", text.len()).into()
}

#[tokio::test]
async fn a_script_that_behaves_is_believed() {
    let script = Script::start(|asked| value(asked, "body")).await;
    assert_eq!(read(&script).await, Ok(Some("body".into())));
}

#[tokio::test]
async fn the_value_of_another_key_or_request_is_nobodys() {
    let foreign_key = |asked: &Asked| Asked {
        key: asked.key.replace('A', "B"),
        ..asked.clone()
    };
    let foreign_number = |asked: &Asked| Asked {
        opaque: asked.opaque + 1,
        ..asked.clone()
    };
    let script = Script::start(move |asked| value(&foreign_key(asked), "other")).await;
    assert_eq!(read(&script).await, Err(StoreErrorKind::Protocol));
    let script = Script::start(move |asked| value(&foreign_number(asked), "other")).await;
    assert_eq!(read(&script).await, Err(StoreErrorKind::Protocol));
}

#[tokio::test]
async fn a_value_without_its_key_or_its_number_is_nobodys() {
    for which in [0, 1, 2] {
        let script = Script::start(move |Asked { key, opaque, .. }| {
            let flags = match which {
                0 => format!("k{key}"),
                1 => format!("O{opaque}"),
                _ => String::new(),
            };
            format!("VA 4 {flags}\r\nbody\r\n").into()
        })
        .await;
        assert_eq!(read(&script).await, Err(StoreErrorKind::Protocol));
    }
}

#[tokio::test]
async fn one_answer_more_than_was_asked_for_ends_the_connection() {
    let script = Script::start(|asked| {
        let answer = value(asked, "body");
        [&answer[..], b"HD kx O99\r\n"].concat()
    })
    .await;
    let tier = tier(&script).await;
    for _ in 0..20 {
        match tier.get(&EntryKey::new([1; 32]), Wish::Read).await {
            Ok(found) => assert_eq!(found.primary, Some("body".into())),
            Err(error) => assert_ne!(error.kind(), StoreErrorKind::TimedOut),
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_protocol_error() {
    let words: [&'static [u8]; 14] = [
        b"\r\n",
        b"\n",
        b"garbage\r\n",
        b"HD\n",
        b"VA\r\n",
        b"VA x\r\n",
        b"VA -1 k O1\r\n",
        b"VA 18446744073709551616 k O1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x80\x01\x00\x00\xff\xff\xff\xff\r\n",
        b"END\r\n",
        b"STAT a b\r\n",
        b"VERSION 1.6.18\r\n",
        b"+PONG\r\n",
    ];
    for answer in words {
        let script = Script::start(move |_| answer.to_vec()).await;
        let text = String::from_utf8_lossy(answer);
        assert_eq!(
            read(&script).await,
            Err(StoreErrorKind::Protocol),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn errors_of_the_server_are_errors() {
    let cases = [
        (
            &b"SERVER_ERROR out of memory\r\n"[..],
            StoreErrorKind::Refused,
        ),
        (
            b"CLIENT_ERROR bad command line format\r\n",
            StoreErrorKind::Protocol,
        ),
        (b"ERROR\r\n", StoreErrorKind::Protocol),
    ];
    for (answer, kind) in cases {
        let script = Script::start(move |_| answer.to_vec()).await;
        let tier = tier(&script).await;
        let error = tier.append(&"a".into()).await.expect_err("an error");
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn a_value_over_the_limit_is_not_read() {
    let script = Script::start(|Asked { key, opaque, .. }| {
        format!("VA 9999999999 k{key} O{opaque}\r\n").into()
    })
    .await;
    assert_eq!(read(&script).await, Err(StoreErrorKind::Protocol));
}

#[tokio::test]
async fn a_value_that_is_longer_than_it_says_is_nobodys() {
    let script = Script::start(|Asked { key, opaque, .. }| {
        format!("VA 3 k{key} O{opaque}\r\nbody\r\n").into()
    })
    .await;
    assert_eq!(read(&script).await, Err(StoreErrorKind::Protocol));
}

#[tokio::test]
async fn a_line_without_end_is_not_gathered() {
    let script = Script::start(|_| vec![b'x'; 1 << 20]).await;
    assert_eq!(read(&script).await, Err(StoreErrorKind::Protocol));
}

#[tokio::test]
async fn half_an_answer_ends_with_the_connection() {
    let halves: [&'static str; 4] = ["V", "VA 400", "VA 400 k", "VA 400 k{} O{}\r\nhalf"];
    for half in halves {
        let script = Script::start(move |Asked { key, opaque, .. }| {
            let text = half.replacen("{}", key, 1);
            text.replacen("{}", &opaque.to_string(), 1).into()
        })
        .await;
        assert_eq!(
            read(&script).await,
            Err(StoreErrorKind::Unreachable),
            "{half}"
        );
    }
}

#[tokio::test]
async fn what_does_not_greet_like_memcached_is_none() {
    let greetings = [
        ("VERSION 1.6.18\r\n", b"STAT a b\r\n".repeat(100_000)),
        ("STAT a b\r\n", b"END\r\n".to_vec()),
        ("HTTP/1.1 400 Bad Request\r\n", b"END\r\n".to_vec()),
    ];
    for (version, settings) in greetings {
        let script = Script::greeting(version, settings, |_| Vec::new()).await;
        let builder = MemcachedTier::builder().add_servers([script.address.to_string()]);
        let error = builder.connect().await.expect_err("it is no memcached");
        assert_eq!(error.kind(), ConnectErrorKind::NotUsable, "{error}");
    }
}

#[tokio::test]
async fn a_server_without_meta_commands_cannot_be_used() {
    let old = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = old.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = old.accept().await.expect("a caller");
        let words = b"VERSION 1.4.39\r\nERROR\r\n";
        stream.write_all(words).await.expect("it listens");
        std::future::pending::<()>().await;
    });
    let error = MemcachedTier::connect([address.clone()])
        .await
        .expect_err("too old");
    assert_eq!(error.kind(), ConnectErrorKind::NotUsable);
    let text = error.to_string();
    assert!(text.contains(&address) && text.contains("1.4.39"), "{text}");
}

#[tokio::test]
async fn a_log_of_garbage_is_no_log() {
    let values = [
        "",
        "x",
        "0",
        "-1",
        "99999999999999999999999",
        "18446744073709551615",
    ];
    for text in values {
        let script = Script::start(move |asked| value(asked, text)).await;
        let tier = tier(&script).await;
        let after = LogPosition::new(1_800_000_000_000, 0);
        let batch = tier.read(after, 10, Duration::ZERO).await;
        assert!(
            batch.is_err() || batch.is_ok_and(|batch| !batch.is_anchored),
            "{text}"
        );
        let extent = tier.extent(after).await;
        assert!(
            extent.is_err() || extent.is_ok_and(|extent| !extent.is_anchored),
            "{text}"
        );
        // These may come to nothing, but they come to an end.
        drop(tier.append(&"a".into()).await);
        drop(tier.restart(after, &"a".into()).await);
        drop(tier.nodes().await);
    }
}
