//! One connection: a writer that turns what is queued into few writes, and a reader that hands out the
//! answers in the order of the requests. A request that nobody waits for any more keeps its place: its
//! answer is read and dropped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use larder::shared::{StoreError, StoreErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::reply::{Answer, Expected, Malformed, Taken, take};

/// Commands that go to one server together, and who waits for their answers.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) commands: Vec<Command>,
    pub(super) done: oneshot::Sender<Result<Vec<Answer>, StoreError>>,
}

/// What a connection allows itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The longest value that is read, in bytes.
    pub(super) longest_value: usize,
    /// Batches that wait for an answer at the same time.
    pub(super) in_flight: usize,
    /// How long the server may say nothing while an answer is due.
    pub(super) silence: Duration,
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nobody can ask any more.
    Unused,
    /// The server closed it, or it broke.
    Broken(io::Error),
    /// The server said what no memcached says, or answered another question.
    Malformed(Malformed),
    /// The server said nothing for too long.
    Silent,
}

/// Carries batches until the connection ends. Whoever waits then learns that by a dropped sender.
pub(super) async fn run<R, W>(
    reader: R,
    writer: W,
    requests: &mut mpsc::Receiver<Batch>,
    bounds: Bounds,
) -> Ended
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (due, waiting) = mpsc::channel(bounds.in_flight);
    let progress = Progress::default();
    tokio::select! {
        biased;
        ended = read(reader, waiting, &progress, bounds.longest_value) => ended,
        ended = write(writer, requests, due, &progress) => ended,
        () = watch(&progress, bounds.silence) => Ended::Silent,
    }
}

/// How far reading has come, for [`watch`].
#[derive(Debug, Default)]
struct Progress {
    asked: AtomicU64,
    answered: AtomicU64,
    read: AtomicU64,
}

/// Ends when answers were due for a whole period in which nothing was read.
async fn watch(progress: &Progress, silence: Duration) {
    let read = || progress.read.load(Ordering::Relaxed);
    loop {
        let (before, asked) = (read(), progress.asked.load(Ordering::Relaxed));
        tokio::time::sleep(silence).await;
        if read() == before && progress.answered.load(Ordering::Relaxed) < asked {
            return;
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unused => f.write_str("nobody uses it"),
            Self::Broken(error) => error.fmt(f),
            Self::Malformed(what) => f.write_str(what.as_str()),
            Self::Silent => f.write_str("the server says nothing"),
        }
    }
}

/// A batch that was written, or is about to be.
#[derive(Debug)]
struct Waiting {
    expected: VecDeque<Expected>,
    bytes: usize,
    answers: Vec<Answer>,
    done: oneshot::Sender<Result<Vec<Answer>, StoreError>>,
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    requests: &mut mpsc::Receiver<Batch>,
    due: mpsc::Sender<Waiting>,
    progress: &Progress,
) -> Ended {
    let mut out = Out::default();
    while let Some(first) = requests.recv().await {
        let mut next = Some(first);
        while let Some(batch) = next {
            if let Err(error) = ask(batch, &mut out, &mut writer, &due, progress).await {
                return Ended::Broken(error);
            }
            next = (out.bytes < WRITE_AT)
                .then(|| requests.try_recv().ok())
                .flatten();
        }
        if let Err(error) = out.flush(&mut writer).await {
            return Ended::Broken(error);
        }
    }
    Ended::Unused
}

/// Appends a batch to what is to be written, once there is a place for whoever waits for it.
async fn ask<W: AsyncWrite + Unpin>(
    batch: Batch,
    out: &mut Out,
    writer: &mut W,
    due: &mpsc::Sender<Waiting>,
    progress: &Progress,
) -> io::Result<()> {
    if batch.done.is_closed() {
        return Ok(());
    }
    let place = if let Ok(place) = due.try_reserve() {
        place
    } else {
        // Answers that make room come only for what has been written.
        out.flush(writer).await?;
        let place = due.reserve().await;
        place.map_err(|_| io::ErrorKind::BrokenPipe)?
    };
    let mut expected = VecDeque::with_capacity(batch.commands.len());
    for command in batch.commands {
        expected.push_back(out.append(command));
    }
    progress.asked.fetch_add(1, Ordering::Relaxed);
    place.send(Waiting {
        answers: Vec::with_capacity(expected.len()),
        expected,
        bytes: 0,
        done: batch.done,
    });
    Ok(())
}

/// What is to be written at once.
#[derive(Debug, Default)]
struct Out {
    /// What comes first, in pieces that are not copied.
    pieces: Vec<Bytes>,
    lines: BytesMut,
    bytes: usize,
    opaque: u64,
}

impl Out {
    fn append(&mut self, command: Command) -> Expected {
        self.opaque = self.opaque.wrapping_add(1);
        let before = self.lines.len();
        command.write_line(self.opaque, &mut self.lines);
        self.bytes += self.lines.len() - before;
        let (value, expected) = command.into_parts(self.opaque);
        if let Some(value) = value {
            self.bytes += value.len();
            if value.len() < COPY_BELOW {
                self.lines.extend_from_slice(&value);
            } else {
                self.pieces.push(self.lines.split().freeze());
                self.pieces.push(value);
            }
            self.lines.extend_from_slice(b"\r\n");
        }
        expected
    }

    async fn flush<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> io::Result<()> {
        for piece in self.pieces.drain(..) {
            writer.write_all(&piece).await?;
        }
        writer.write_all(&self.lines).await?;
        self.lines.clear();
        self.bytes = 0;
        Ok(())
    }
}

async fn read<R: AsyncRead + Unpin>(
    mut reader: R,
    mut waiting: mpsc::Receiver<Waiting>,
    progress: &Progress,
    longest_value: usize,
) -> Ended {
    let mut buffer = BytesMut::with_capacity(READ_AT_ONCE);
    let mut current = None;
    loop {
        let needs = match hand_out(
            &mut buffer,
            &mut current,
            &mut waiting,
            progress,
            longest_value,
        ) {
            Ok(needs) => needs,
            Err(malformed) => {
                if let Some(Waiting { done, .. }) = current {
                    let what = malformed.as_str();
                    // Nobody may wait any more.
                    let _ = done.send(Err(StoreError::new(StoreErrorKind::Protocol, what)));
                }
                return Ended::Malformed(malformed);
            }
        };
        buffer.reserve(needs.max(READ_AT_ONCE / 4));
        match reader.read_buf(&mut buffer).await {
            Ok(0) => return Ended::Broken(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => progress.read.fetch_add(1, Ordering::Relaxed),
            Err(error) => return Ended::Broken(error),
        };
    }
}

/// Hands out the answers that are in the buffer. Returns how many bytes the next one needs at least.
fn hand_out(
    buffer: &mut BytesMut,
    current: &mut Option<Waiting>,
    waiting: &mut mpsc::Receiver<Waiting>,
    progress: &Progress,
    longest_value: usize,
) -> Result<usize, Malformed> {
    while !buffer.is_empty() {
        if current.is_none() {
            *current = waiting.try_recv().ok();
        }
        let asked = current.as_mut().ok_or(Malformed::Misplaced)?;
        let expected = asked.expected.front().ok_or(Malformed::Misplaced)?;
        match take(buffer, expected, longest_value)? {
            Taken::Needs(bytes) => return Ok(bytes),
            Taken::Answer(answer) => {
                if expected.ends_with(answer.status) {
                    asked.expected.pop_front();
                }
                asked.bytes += answer.value.as_ref().map_or(0, Bytes::len);
                asked.answers.push(answer);
                let most_bytes = LEAST_BYTES.max(longest_value.saturating_mul(2));
                if asked.answers.len() > MOST_ANSWERS || asked.bytes > most_bytes {
                    return Err(Malformed::Endless);
                }
            }
        }
        if asked.expected.is_empty()
            && let Some(Waiting { answers, done, .. }) = current.take()
        {
            progress.answered.fetch_add(1, Ordering::Relaxed);
            // Nobody may wait any more.
            let _ = done.send(Ok(answers));
        }
    }
    Ok(0)
}

/// Answers to one batch: the lines of all statistics are some hundreds.
const MOST_ANSWERS: usize = 4096;
/// What the answers to one batch may have in any case, in bytes: all records that are read at once.
const LEAST_BYTES: usize = 16 << 20;
/// The size of the read buffer.
const READ_AT_ONCE: usize = 32 << 10;
/// What is gathered for one write: no batch is added to what is longer.
const WRITE_AT: usize = 64 << 10;
/// Values below this are copied into the write.
const COPY_BELOW: usize = 16 << 10;
