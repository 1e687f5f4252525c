//! What stands in the item of a lease.

use bytes::{BufMut as _, Bytes, BytesMut};
use larder::shared::{LogPosition, Token};

use crate::client::Answer;

/// What is known of the right to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Somebody has it, and a fill that is born here.
    Held(Token, LogPosition),
    /// Somebody had it when the value was removed: the fill is for nobody, the lease is free.
    Dropped(Token),
    /// The last fill was not for others: nobody waits.
    Alone,
    /// Something else, be it of another version of larder or of others.
    Unknown,
}

impl Standing {
    /// One letter; for what is held or dropped the token, 16 bytes; for what is held the position, 8
    /// bytes, the most significant first.
    pub(super) fn to_bytes(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + 16 + 8);
        match self {
            Self::Held(token, born) => {
                bytes.put_u8(b'h');
                bytes.put_slice(token.as_bytes());
                bytes.put_u64(born.bits());
            }
            Self::Dropped(token) => {
                bytes.put_u8(b'd');
                bytes.put_slice(token.as_bytes());
            }
            Self::Alone => bytes.put_u8(b'a'),
            Self::Unknown => bytes.put_u8(b'?'),
        }
        bytes.freeze()
    }

    /// What stands there, with its version.
    pub(super) fn of(answer: Answer) -> Option<(Self, Answer)> {
        let answer = answer.found()?;
        let standing = Self::parse(answer.value.as_deref().unwrap_or_default());
        Some((standing, answer))
    }

    pub(super) fn parse(bytes: &[u8]) -> Self {
        let read = || match bytes.split_first()? {
            (b'h', rest) => {
                let (token, born) = rest.split_first_chunk()?;
                let born = u64::from_be_bytes(born.try_into().ok()?);
                let born = LogPosition::from_bits(born);
                Some(Self::Held(Token::from_bytes(*token), born))
            }
            (b'd', rest) => Some(Self::Dropped(Token::from_bytes(rest.try_into().ok()?))),
            (b'a', []) => Some(Self::Alone),
            _ => None,
        };
        read().unwrap_or(Self::Unknown)
    }

    /// Whether this token has it.
    pub(super) fn is_held_by(&self, token: &Token) -> bool {
        matches!(self, Self::Held(holder, _) if holder == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let token = Token::from_bytes([7; 16]);
        let held = Standing::Held(token, LogPosition::new(1_800_000_000_000, 3));
        for standing in [held, Standing::Dropped(token), Standing::Alone] {
            let bytes = standing.to_bytes();
            assert_eq!(Standing::parse(&bytes), standing);
            let longer = [&bytes[..], b"x"].concat();
            assert_eq!(Standing::parse(&longer), Standing::Unknown);
            assert_eq!(
                Standing::parse(&bytes[..bytes.len() - 1]),
                Standing::Unknown
            );
        }
        assert!(held.is_held_by(&token) && !Standing::Dropped(token).is_held_by(&token));
    }
}
