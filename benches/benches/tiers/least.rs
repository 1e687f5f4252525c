//! [`Least`]: the least client of Memcached that keeps many requests under way on one connection. It
//! checks nothing, and ends with the first surprise.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

type Asked = (Bytes, oneshot::Sender<Bytes>);

#[derive(Clone)]
pub struct Least(Sender<Asked>);

impl Least {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let (reader, writer) = stream.into_split();
        let (sender, asked) = mpsc::channel(1024);
        let (due, waiting) = mpsc::unbounded_channel();
        tokio::spawn(write(writer, asked, due));
        tokio::spawn(take(reader, waiting));
        Self(sender)
    }

    /// The length of what stands under a name.
    pub async fn get(&self, name: &str) -> usize {
        let (done, answer) = oneshot::channel();
        let command = ["mg ", name, " v\r\n"].concat();
        let asked = (Bytes::from(command), done);
        self.0.send(asked).await.expect("a connection");
        answer.await.expect("an answer").len()
    }
}

async fn write(
    mut writer: OwnedWriteHalf,
    mut asked: Receiver<Asked>,
    due: UnboundedSender<oneshot::Sender<Bytes>>,
) {
    let mut out = BytesMut::new();
    while let Some(first) = asked.recv().await {
        let mut next = Some(first);
        while let Some((command, done)) = next {
            out.extend_from_slice(&command);
            due.send(done).expect("somebody reads");
            next = asked.try_recv().ok();
        }
        writer.write_all(&out).await.expect("a connection");
        out.clear();
    }
}

async fn take(mut reader: OwnedReadHalf, mut waiting: UnboundedReceiver<oneshot::Sender<Bytes>>) {
    let mut read = BytesMut::with_capacity(64 << 10);
    while let Some(done) = waiting.recv().await {
        let value = loop {
            if let Some(value) = value(&mut read) {
                break value;
            }
            read.reserve(64 << 10);
            if reader.read_buf(&mut read).await.expect("a connection") == 0 {
                return;
            }
        };
        let _ = done.send(value);
    }
}

/// `VA <length>`, the value, each with a line end.
fn value(read: &mut BytesMut) -> Option<Bytes> {
    let end = read.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&read[..end]).expect("a line");
    let length = line.trim().strip_prefix("VA ").expect("a value");
    let length: usize = length.parse().expect("a length");
    if read.len() < end + 1 + length + 2 {
        return None;
    }
    read.advance(end + 1);
    let value = read.split_to(length).freeze();
    read.advance(2);
    Some(value)
}
