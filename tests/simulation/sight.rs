//! What a client sees of a response.

use std::fmt;

use larder::BodyError;

use crate::body::Broken;
use crate::content::Content;
use crate::exchange::{BodyEnd, Exchange};
use crate::world::State;

/// A head.
pub struct Sight {
    pub visit: usize,
    pub status: u16,
    /// Whose body it comes with.
    pub exchange: Option<usize>,
    /// Whose fields it comes with, if those are newer.
    pub confirmed: Option<usize>,
    pub cookies: Vec<usize>,
    pub part: Option<Part>,
    pub announced: Option<usize>,
    pub cache_status: String,
}

impl Sight {
    /// The exchanges that it came of. None: the cache made it up.
    pub fn exchanges<'a>(&self, state: &'a State) -> impl Iterator<Item = (usize, &'a Exchange)> {
        let ids = self.exchange.into_iter().chain(self.confirmed);
        ids.map(|id| (id, &state.exchanges[id]))
    }

    /// It is the origin's answer to the client's own request.
    pub fn is_forwarded(&self) -> bool {
        let member = format!("{};", self.cache_status);
        member.contains("; fwd=") && !member.contains("; collapsed;") && !self.stands_in()
    }

    /// It is a stored response in place of one that could not be had in time, or not just now.
    pub fn stands_in(&self) -> bool {
        let stale = ["stale-if-error", "timeout", "hit; ttl=-", "hit; ttl=0"];
        stale.iter().any(|word| self.cache_status.contains(word))
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(id) = self.exchange {
            write!(f, " of #{id}")?;
        }
        if let Some(id) = self.confirmed {
            write!(f, " confirmed by #{id}")?;
        }
        if let Some(bytes) = self.announced {
            write!(f, ", {bytes} bytes")?;
        }
        write!(f, ", {}", self.cache_status)
    }
}

/// `Content-Range` of a 206.
pub struct Part {
    first: usize,
    last: usize,
    pub len: usize,
}

impl Part {
    pub fn parse(field: &str) -> Option<Self> {
        let (range, len) = field.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some(Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            len: len.parse().ok()?,
        })
    }
}

/// A body, while it is read.
pub struct Reading {
    content: Content,
    first: usize,
    pub bytes: usize,
    pub expected: usize,
    /// What is not as it should be.
    pub wrong: Option<String>,
    pub how: Ended,
}

/// How a body ended.
pub enum Ended {
    Broken(Error),
    Clean,
    /// The client stopped at the announced length.
    Stopped,
}

impl Reading {
    pub fn of(state: &State, sight: &Sight) -> Self {
        let none = Content::new(String::new(), 0, 0);
        let ask = &state.visits[sight.visit].ask;
        let has_none = ask.is_head() || matches!(sight.status, 304 | 416);
        let exchange = sight.exchange.filter(|_| !has_none);
        let content = exchange.map_or(none, |id| state.exchanges[id].content.clone());
        let (first, past) = match &sight.part {
            Some(part) if sight.status == 206 => (part.first, part.last + 1),
            _ => (0, content.len),
        };
        Self {
            content,
            first,
            bytes: 0,
            expected: past - first,
            wrong: None,
            how: Ended::Stopped,
        }
    }

    pub fn take(&mut self, data: &[u8]) {
        let at = self.first + self.bytes;
        self.bytes += data.len();
        if self.bytes > self.expected || !self.content.holds(at, data) {
            let text = String::from_utf8_lossy(&data[..data.len().min(60)]).into_owned();
            let wrong = format!("{} wrong bytes at {at}: {text}", data.len());
            self.wrong.get_or_insert(wrong);
        }
    }

    pub fn ended(self) -> Self {
        let how = Ended::Clean;
        Self { how, ..self }
    }

    pub fn broken(self, error: BodyError) -> Self {
        let how = Ended::Broken(Error(error));
        Self { how, ..self }
    }

    /// Stopped at the announced length.
    pub fn stopped(self) -> Self {
        let how = Ended::Stopped;
        Self { how, ..self }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, then ", self.bytes)?;
        match &self.how {
            Ended::Broken(error) => write!(f, "{error}"),
            Ended::Clean => f.write_str("the end"),
            Ended::Stopped => f.write_str("stopped"),
        }
    }
}

/// Why a body broke off.
pub struct Error(BodyError);

impl Error {
    /// Whether the origin's body, or the client's slowness, can have brought it about.
    pub fn is_of(&self, exchange: Option<usize>, end: BodyEnd, slow: bool) -> bool {
        let text = self.0.to_string();
        match self.0.get_ref().downcast_ref() {
            Some(Broken(id)) => Some(*id) == exchange && end == BodyEnd::Fails,
            None if text.contains("too slowly") => slow,
            None => end == BodyEnd::Panics && text.contains("panicked"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
