//! What is asked of a server before it is used.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::no_connection::{NoConnection, NotMemcached};
use super::reply::{Answer, Expected, Malformed, Status, Taken, number, take};

/// What a server said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The largest item that it stores, in bytes, with its key and what the server adds.
    pub(crate) item_limit: usize,
}

/// Asks for the version and the settings, and sees whether a meta command repeats its key and its number
/// where nothing is found: all that is relied on later.
pub(super) async fn greet<S>(stream: &mut S) -> Result<Hello, NoConnection>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::with_capacity(8 << 10);
    let version = ask(stream, &mut buffer, b"version\r\n", &Expected::Version).await?;
    let version = version
        .first()
        .filter(|answer| answer.status == Status::Version)
        .and_then(|answer| answer.value.clone())
        .unwrap_or_else(|| Bytes::from_static(b"unknown"));
    let meta = Expected::Meta {
        key: "larder-hello".into(),
        opaque: 1,
    };
    match ask(stream, &mut buffer, b"mg larder-hello k O1\r\n", &meta).await {
        Ok(answers) if !answers.iter().any(|it| it.status == Status::Rejected) => {}
        Err(NoConnection::Failed(error)) => return Err(NoConnection::Failed(error)),
        _ => {
            let version = String::from_utf8_lossy(&version).into_owned();
            return Err(NoConnection::NotUsable(NotMemcached::TooOld(version)));
        }
    }
    let settings = ask(stream, &mut buffer, b"stats settings\r\n", &Expected::Lines).await?;
    let item_limit =
        stat(&settings, b"item_size_max").and_then(|limit| usize::try_from(limit).ok());
    Ok(Hello {
        item_limit: item_limit.unwrap_or(DEFAULT_ITEM_LIMIT),
    })
}

/// The number in the statistic of this name.
pub(crate) fn stat(answers: &[Answer], name: &[u8]) -> Option<u64> {
    let mut lines = answers.iter().filter_map(|answer| answer.value.as_deref());
    lines.find_map(|line| number(line.strip_prefix(name)?.strip_prefix(b" ")?))
}

async fn ask<S>(
    stream: &mut S,
    buffer: &mut BytesMut,
    command: &[u8],
    expected: &Expected,
) -> Result<Vec<Answer>, NoConnection>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream
        .write_all(command)
        .await
        .map_err(NoConnection::Failed)?;
    let foreign = |malformed| NoConnection::NotUsable(NotMemcached::Foreign(malformed));
    let mut answers = Vec::new();
    loop {
        match take(buffer, expected, 0).map_err(foreign)? {
            Taken::Answer(answer) => {
                let is_last = expected.ends_with(answer.status);
                answers.push(answer);
                if is_last {
                    return Ok(answers);
                }
                if answers.len() > MOST_LINES {
                    return Err(foreign(Malformed::Endless));
                }
            }
            Taken::Needs(_) => {
                let read = stream
                    .read_buf(buffer)
                    .await
                    .map_err(NoConnection::Failed)?;
                if read == 0 {
                    let ended = io::ErrorKind::UnexpectedEof;
                    return Err(NoConnection::Failed(ended.into()));
                }
            }
        }
    }
}

/// As memcached has it if nothing else is said.
const DEFAULT_ITEM_LIMIT: usize = 1 << 20;
const MOST_LINES: usize = 1024;
