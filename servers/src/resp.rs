//! As much of the Redis protocol as a test needs to talk to a server by the side.

use std::io::{Error, Result};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);

/// Sends commands over one connection; the reply to the last, which may be an error, and the first
/// error of those before.
pub(crate) async fn commands(socket: &Path, commands: &[&[&str]]) -> Result<String> {
    let exchange = async {
        let mut stream = BufReader::new(UnixStream::connect(socket).await?);
        let mut last = String::new();
        for command in commands {
            stream.write_all(&request(command)).await?;
            last = reply(&mut stream).await?;
        }
        Ok(last)
    };
    let silent = |_| Error::other(format!("no reply within {LIMIT:?}"));
    timeout(LIMIT, exchange).await.map_err(silent)?
}

fn request(command: &[&str]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", command.len());
    for word in command {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    request.into_bytes()
}

/// Text as it is, the elements of an array on a line each, and `(nil)` for nothing.
fn reply<'a>(
    stream: &'a mut BufReader<UnixStream>,
) -> Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>> {
    Box::pin(async move {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        let length = || rest.parse::<i64>().map_err(Error::other);
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Err(Error::other(rest)),
            "$" | "*" if rest.starts_with('-') => Ok("(nil)".to_owned()),
            "$" => {
                let mut text = vec![0; usize::try_from(length()?).unwrap_or(0) + 2];
                stream.read_exact(&mut text).await?;
                text.truncate(text.len() - 2);
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            "*" => {
                let mut elements = Vec::new();
                for _ in 0..length()? {
                    elements.push(reply(stream).await?);
                }
                Ok(elements.join("\n"))
            }
            _ => Err(Error::other(format!("not a reply: {line:?}"))),
        }
    })
}
