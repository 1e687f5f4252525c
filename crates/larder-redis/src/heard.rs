//! [`Heard`]: what is published on a channel.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::time::timeout;

use crate::connect_error::ConnectError;
use crate::tier::Inner;

pub(crate) struct Heard {
    sink: PubSubSink,
    stream: PubSubStream,
}

impl Heard {
    /// Listens, on a connection of its own.
    pub(crate) async fn on(inner: &Inner, channel: &str) -> Result<Self, ConnectError> {
        let (address, login) = inner.place.find(&inner.dialler).await?;
        let heard = inner.dialler.subscribe(&address, login, channel);
        let (sink, stream) = heard.await?.split();
        Ok(Self { sink, stream })
    }

    /// The next message; `None` if the connection is lost.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match timeout(QUIET, self.stream.next()).await {
                Ok(message) => return message.map(|message| message.get_payload_bytes().to_vec()),
                Err(_) => timeout(SILENCE, self.sink.ping::<redis::Value>())
                    .await
                    .ok()?
                    .ok()?,
            };
        }
    }
}

/// How long a connection is quiet until the server is asked whether it is there, and how long it may
/// take to answer.
const QUIET: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(5);
