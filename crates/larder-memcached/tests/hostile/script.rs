//! A server that is what a test makes of it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What one meta command asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) verb: String,
    pub(crate) key: String,
    pub(crate) opaque: u64,
}

/// Answers to one command, in bytes.
pub(crate) type Answers = dyn Fn(&Asked) -> Vec<u8> + Send + Sync;

/// A server that greets like memcached, and answers everything else as it was told.
pub(crate) struct Script {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Script {
    pub(crate) async fn start(answers: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::greeting("VERSION 1.6.18\r\n", SETTINGS.into(), answers).await
    }

    pub(crate) async fn greeting(
        version: &'static str,
        settings: Vec<u8>,
        answers: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answers: Arc<Answers> = Arc::new(answers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let settings = settings.clone();
                tokio::spawn(serve(stream, version, settings, Arc::clone(&answers)));
            }
        });
        Self {
            address,
            task: task.abort_handle(),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const SETTINGS: &[u8] = b"STAT item_size_max 1048576\r\nEND\r\n";

async fn serve(
    mut stream: TcpStream,
    version: &'static str,
    settings: Vec<u8>,
    answers: Arc<Answers>,
) {
    let mut text = Vec::new();
    loop {
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let answer = match line.as_str() {
                "version" => version.into(),
                "stats settings" => settings.clone(),
                "mg larder-hello k O1" => b"EN klarder-hello O1\r\n".to_vec(),
                _ => asked(&line)
                    .map(|asked| answers(&asked))
                    .unwrap_or_default(),
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut text).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn asked(line: &str) -> Option<Asked> {
    let mut words = line.split(' ');
    let verb = words.next()?.to_owned();
    let key = words.next()?.to_owned();
    let opaque = words
        .find_map(|word| word.strip_prefix('O'))?
        .parse()
        .ok()?;
    Some(Asked { verb, key, opaque })
}
