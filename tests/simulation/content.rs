//! The bytes of a response, told apart from those of every other response.

use std::sync::LazyLock;

use bytes::Bytes;

/// A label that names the response, then a part of a long pattern.
#[derive(Clone, Debug)]
pub struct Content {
    label: Bytes,
    /// Where its part of the pattern begins.
    from: usize,
    pub len: usize,
}

impl Content {
    pub fn new(label: String, exchange: usize, len: usize) -> Self {
        Self {
            label: Bytes::from(label),
            from: exchange * 31 % SHIFT,
            len: len.min(LONGEST),
        }
    }

    /// At most so many bytes from there, and at least one unless it is the end.
    pub fn piece(&self, at: usize, most: usize) -> Bytes {
        let end = self.len.min(at + most);
        let labelled = self.label.len().min(self.len);
        if at < labelled {
            return self.label.slice(at..end.min(labelled));
        }
        let place = self.from + at - labelled;
        PATTERN.slice(place..place + end.saturating_sub(at))
    }

    /// Whether these bytes stand there.
    pub fn holds(&self, mut at: usize, mut data: &[u8]) -> bool {
        while !data.is_empty() {
            let piece = self.piece(at.min(self.len), data.len());
            if piece.is_empty() || !data.starts_with(&piece) {
                return false;
            }
            at += piece.len();
            data = &data[piece.len()..];
        }
        true
    }
}

static PATTERN: LazyLock<Bytes> = LazyLock::new(|| {
    let mut rng = fastrand::Rng::with_seed(1);
    (0..LONGEST + SHIFT).map(|_| rng.u8(..)).collect()
});

/// Longest content.
pub const LONGEST: usize = 1 << 20;
const SHIFT: usize = 997;
