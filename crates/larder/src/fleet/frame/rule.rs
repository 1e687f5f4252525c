//! Frames of rules: which fields select among the variants of a primary key.

use bytes::{Buf, Bytes};
use http::header::HeaderName;

use super::opening::{Opened, RULE, SIGNED};
use super::{Codec, FrameError};
use crate::shared::{EntryKey, LogPosition};

/// Which fields select, as a store had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) names: Vec<HeaderName>,
    /// That of the response with which it came.
    pub(crate) born: LogPosition,
}

/// Whether a frame says that it is a rule. All of it is checked when it is read.
pub(crate) fn is_rule(frame: &[u8]) -> bool {
    frame.get(3).is_some_and(|flags| flags & RULE != 0)
}

impl Codec {
    /// The frame of a rule.
    ///
    /// # Errors
    ///
    /// It exceeds the limits.
    pub(crate) fn encode_rule(
        &self,
        key: &EntryKey,
        names: &[HeaderName],
        born: LogPosition,
    ) -> Result<Bytes, FrameError> {
        let count = Some(names.len()).filter(|count| *count <= MAX_SELECTING);
        let count = count.and_then(|count| u16::try_from(count).ok());
        let count = count.ok_or(FrameError::TooLarge)?;
        let bytes: usize = names.iter().map(|name| name.as_str().len() + 2).sum();
        let mut frame = self.open(RULE, born, bytes + 2);
        frame.extend_from_slice(&count.to_le_bytes());
        for name in names {
            let name = name.as_str();
            let length = u16::try_from(name.len()).map_err(|_| FrameError::TooLarge)?;
            frame.extend_from_slice(&length.to_le_bytes());
            frame.extend_from_slice(name.as_bytes());
        }
        self.seal(frame, &[], key)
    }

    /// The rule of a frame.
    ///
    /// # Errors
    ///
    /// Why it is a miss.
    pub(crate) fn decode_rule(&self, key: &EntryKey, frame: &Bytes) -> Result<Rule, FrameError> {
        let Opened {
            flags,
            born,
            head,
            body,
            ..
        } = self.opened(frame, key)?;
        if flags != RULE | flags & SIGNED || !body.is_empty() {
            return Err(FrameError::Kind);
        }
        let mut rest = &*head;
        let count = usize::from(rest.try_get_u16_le()?);
        if count > MAX_SELECTING {
            return Err(FrameError::TooLarge);
        }
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            let length = usize::from(rest.try_get_u16_le()?);
            let name = rest.split_off(..length).ok_or(FrameError::Truncated)?;
            names.push(HeaderName::from_lowercase(name).map_err(|_| FrameError::Names)?);
        }
        if rest.is_empty() {
            Ok(Rule { names, born })
        } else {
            Err(FrameError::Trailing)
        }
    }
}

/// More than any policy should let select.
const MAX_SELECTING: usize = 256;
