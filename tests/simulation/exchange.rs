//! A call of the origin, and what came of it.

use std::time::Duration;

use crate::asks::Ask;
use crate::content::Content;
use crate::moment::Moment;

/// A call of the origin.
#[derive(Debug)]
pub struct Exchange {
    pub resource: usize,
    /// The client's request that was forwarded; none is behind what the cache makes up.
    pub visit: Option<usize>,
    pub called: Moment,
    pub head: Head,
    /// When there was a head, or when there was none any more.
    pub turned: Option<Duration>,
    /// It was never to answer.
    pub never: bool,
    /// Whose content it is, if it is somebody's.
    pub user: Option<u8>,
    pub version: u64,
    /// The language it is in, if that was chosen by the request.
    pub language: Option<u8>,
    pub status: u16,
    /// Nobody else may have it.
    pub alone: bool,
    /// Others may have it only after validation.
    pub no_cache: bool,
    /// At this age others may not have it any more. None: it says nothing about that.
    pub until: Option<Duration>,
    /// So long after it has expired others may still have it.
    pub windows: Duration,
    /// Its client was told that it is being stored.
    pub stored: bool,
    /// How long its body rested, all in all.
    pub pauses: Duration,
    /// It says of itself what is not so.
    pub lies: bool,
    /// It announces no more than so many bytes: who reads no further has all of it.
    pub cut_at: Option<usize>,
    pub content: Content,
    /// How many bytes of its body have come.
    pub given: usize,
    /// When the last of them came.
    pub gave: Option<Duration>,
    pub end: BodyEnd,
    /// When its body ended or was dropped.
    pub ended: Option<Moment>,
    /// How many clients read it.
    pub readers: usize,
    /// There was more than one at a time.
    pub together: bool,
    /// When the last one left.
    pub left: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    Answered,
    Awaited,
    /// The call ended without one.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    Clean,
    Fails,
    Never,
    Panics,
}

impl Exchange {
    /// The origin is called.
    pub fn new(resource: usize, version: u64, visit: Option<usize>, called: Moment) -> Self {
        Self {
            resource,
            visit,
            called,
            head: Head::Awaited,
            turned: None,
            never: false,
            user: None,
            version,
            language: None,
            status: 0,
            alone: false,
            no_cache: false,
            until: None,
            windows: Duration::ZERO,
            stored: false,
            pauses: Duration::ZERO,
            lies: false,
            cut_at: None,
            content: Content::new(String::new(), 0, 0),
            given: 0,
            gave: None,
            end: BodyEnd::Clean,
            ended: None,
            readers: 0,
            together: false,
            left: None,
        }
    }

    /// It is about what is asked for, as far as that shows.
    pub fn suits(&self, ask: &Ask) -> bool {
        self.resource == ask.resource
            && (self.user.is_none() || self.user == ask.user)
            && self
                .language
                .is_none_or(|language| language == ask.language)
    }
}
