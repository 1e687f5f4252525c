//! The part of the tier that carries purges: a stream, one record an entry.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder::shared::{
    Batch, Extent, InvalidationLog, LogPosition, Node, NodeId, Pending, StoreError,
};
use redis::{Cmd, Pipeline, Value};

use crate::entries::millis;
use crate::link::Link;
use crate::reply;
use crate::tier::{Inner, RedisTier};

impl InvalidationLog for RedisTier {
    fn extent(&self, anchor: LogPosition) -> Pending<'_, Extent> {
        Box::pin(self.inner.extent(anchor))
    }

    fn read(&self, after: LogPosition, limit: usize, wait: Duration) -> Pending<'_, Batch> {
        Box::pin(self.inner.read_log(after, limit, wait))
    }

    fn append<'a>(&'a self, record: &'a Bytes) -> Pending<'a, LogPosition> {
        Box::pin(self.inner.append(record))
    }

    fn restart<'a>(
        &'a self,
        above: LogPosition,
        record: &'a Bytes,
    ) -> Pending<'a, Option<LogPosition>> {
        Box::pin(self.inner.restart(above, record))
    }

    fn announce(&self, node: NodeId, applied: LogPosition, lasts: Duration) -> Pending<'_, ()> {
        Box::pin(async move {
            let (node, applied) = (node.to_string(), applied.bits().to_string());
            let lasts = millis(lasts).to_string();
            let args = [node.as_bytes(), applied.as_bytes(), lasts.as_bytes()];
            self.inner.nodes(&args).await.map(drop)
        })
    }

    fn nodes(&self) -> Pending<'_, Vec<Node>> {
        Box::pin(self.inner.nodes(&[]))
    }
}

impl Inner {
    async fn extent(&self, anchor: LogPosition) -> Result<Extent, StoreError> {
        let text = anchor.to_string();
        let (script, keys) = (&self.scripts.extent, [self.keys.log.as_str()]);
        let answer = self.data.run(script, &keys, &[text.as_bytes()]).await?;
        let [oldest, newest, anchored, seconds, micros] = reply::tuple(answer)?;
        let oldest = match oldest {
            Value::Nil => None,
            oldest => Some(position(oldest)?),
        };
        let time = Duration::from_secs(reply::number(seconds)?)
            .saturating_add(Duration::from_micros(reply::number(micros)?));
        Ok(Extent {
            oldest,
            newest: position(newest)?,
            is_anchored: is_anchored(anchor, reply::int(anchored)? > 0),
            now: SystemTime::UNIX_EPOCH
                .checked_add(time)
                .ok_or_else(|| reply::protocol("a time that cannot be"))?,
        })
    }

    async fn read_log(
        &self,
        after: LogPosition,
        limit: usize,
        wait: Duration,
    ) -> Result<Batch, StoreError> {
        let (key, id) = (&self.keys.log, after.to_string());
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(limit.max(1));
        if !wait.is_zero() {
            read.arg("BLOCK").arg(millis(wait));
        }
        read.arg("STREAMS").arg(key).arg(&id);
        let mut anchor = redis::cmd("XRANGE");
        anchor.arg(key).arg(&id).arg(&id).arg("COUNT").arg(1);
        let mut both = Pipeline::with_capacity(2);
        both.add_command(read).add_command(anchor);

        let waiting = Waiting(Some(&self.log));
        let answers = self.log.send_all(&both).await;
        waiting.over();
        let [read, anchor] = reply::tuple(Value::Array(answers?))?;
        let records = records(reply::answered(read)?)?;
        Ok(Batch {
            is_anchored: is_anchored(after, !reply::array(anchor)?.is_empty()),
            reaches_end: records.len() < limit,
            records,
        })
    }

    async fn append(&self, record: &Bytes) -> Result<LogPosition, StoreError> {
        let mut add = Cmd::with_capacity(8, self.keys.log.len() + record.len() + 48);
        add.arg("XADD").arg(&self.keys.log);
        add.arg("MAXLEN").arg("~").arg(self.settings.retain);
        add.arg("*").arg("d").arg(&record[..]);
        let (Some(link), Some((replicas, lasts))) = (&self.confirmed, self.settings.wait_replicas)
        else {
            return position(self.data.send(&self.keys.log, &add).await?);
        };
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(lasts);
        let mut both = Pipeline::with_capacity(2);
        both.add_command(add).add_command(wait);
        let waiting = Waiting(Some(link));
        let answers = link.send_all(&both).await;
        waiting.over();
        let [added, have] = reply::tuple(Value::Array(answers?))?;
        let position = position(added)?;
        match reply::int(have) {
            Ok(have) if have >= i64::from(replicas) => {}
            Ok(have) => {
                tracing::warn!(target: "larder::redis", %position, have, wanted = replicas, "a purge is not on all replicas yet");
            }
            Err(error) => {
                tracing::warn!(target: "larder::redis", %position, %error, "nobody knows which replicas have a purge");
            }
        }
        Ok(position)
    }

    async fn restart(
        &self,
        above: LogPosition,
        record: &Bytes,
    ) -> Result<Option<LogPosition>, StoreError> {
        let numbers = [
            above.millis().to_string(),
            above.count().to_string(),
            LogPosition::from_bits(u64::MAX).count().to_string(),
            self.settings.retain.to_string(),
        ];
        let [time, count, most, retain] = &numbers;
        let args = [
            time.as_bytes(),
            count.as_bytes(),
            most.as_bytes(),
            retain.as_bytes(),
            record,
        ];
        let (script, keys) = (&self.scripts.restart, [self.keys.log.as_str()]);
        match self.data.run(script, &keys, &args).await? {
            Value::Nil => Ok(None),
            id => position(id).map(Some),
        }
    }

    async fn nodes(&self, args: &[&[u8]]) -> Result<Vec<Node>, StoreError> {
        let (script, keys) = (&self.scripts.nodes, [self.keys.nodes.as_str()]);
        let all = reply::array(self.data.run(script, &keys, args).await?)?;
        let mut nodes = Vec::with_capacity(all.len() / 2);
        let mut all = all.into_iter();
        while let (Some(id), Some(applied)) = (all.next(), all.next()) {
            // Whatever else stands there is no node of ours.
            if let (Ok(id), Ok(applied)) = (
                u64::from_str_radix(&reply::text(id)?, 16),
                reply::number(applied),
            ) {
                nodes.push(Node {
                    id: NodeId::from_bits(id),
                    applied: LogPosition::from_bits(applied),
                });
            }
        }
        nodes.sort_unstable_by_key(|node| node.id);
        Ok(nodes)
    }
}

/// Gives a connection up whose answer was not waited for: all that is asked on it later would wait for
/// that answer, and for ever if the server is gone without a word.
struct Waiting<'a>(Option<&'a Link>);

impl Waiting<'_> {
    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.0 {
            link.suspect();
        }
    }
}

/// There is no record before all records, and so none that can be missing before the first: whoever
/// begins at the start is told by [`Extent::oldest`] from where on the log is whole.
fn is_anchored(anchor: LogPosition, is_there: bool) -> bool {
    is_there || anchor == LogPosition::START
}

/// What `XREAD` answers of one stream.
fn records(read: Value) -> Result<Vec<(LogPosition, Bytes)>, StoreError> {
    if read == Value::Nil {
        return Ok(Vec::new());
    }
    let [stream] = reply::tuple(read)?;
    let [_, entries] = reply::tuple(stream)?;
    reply::array(entries)?.into_iter().map(record).collect()
}

fn record(entry: Value) -> Result<(LogPosition, Bytes), StoreError> {
    let [id, fields] = reply::tuple(entry)?;
    // What others have written is no record, but it has its place in the order.
    let record = match <[Value; 2]>::try_from(reply::array(fields)?) {
        Ok([Value::BulkString(name), record]) if name == b"d" => reply::bytes(record)?,
        _ => None,
    };
    Ok((position(id)?, record.unwrap_or_default()))
}

/// What Redis calls an entry of a stream.
fn position(id: Value) -> Result<LogPosition, StoreError> {
    let text = reply::text(id)?;
    let parts = text
        .split_once('-')
        .and_then(|(time, count)| Some(LogPosition::new(time.parse().ok()?, count.parse().ok()?)));
    parts.ok_or_else(|| reply::protocol(format!("{text:?} is no place in a log")))
}
