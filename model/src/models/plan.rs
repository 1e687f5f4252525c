//! What bodies do.

use crate::chance::{below, one_in};

/// The sizes of the pieces of a body, and what happens in between.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) pieces: Vec<u64>,
    /// Before this piece it turns out that the body is not to be kept.
    pub(super) overflow: Option<usize>,
    /// Instead of this piece comes an error.
    pub(super) failure: Option<usize>,
    /// Instead of this piece comes a panic.
    pub(super) panic: Option<usize>,
    pub(super) trailers: bool,
    /// Its end does not come.
    pub(super) silent: bool,
}

impl Plan {
    pub(super) fn any() -> Self {
        let (number, most) = match below(8) {
            0 => (60 + below(90), 20),
            1..4 => (below(8), 3_000),
            _ => (2 + below(8), LARGEST),
        };
        let mut plan = Self::of((0..number).map(|_| below(most) as u64).collect());
        plan.overflow = plan.somewhere(2);
        plan.failure = plan.somewhere(6);
        plan.trailers = one_in(4);
        plan
    }

    /// A short one, which often comes to its end.
    pub(super) fn short() -> Self {
        let (number, most) = (below(4), if one_in(4) { LARGEST } else { 3_000 });
        let mut plan = Self::of((0..number).map(|_| 1 + below(most) as u64).collect());
        plan.overflow = plan.somewhere(6);
        plan.failure = plan.somewhere(6);
        plan.panic = plan.somewhere(6);
        plan
    }

    /// One of at least so many bytes, which is not to be kept.
    pub(super) fn overflowing(bytes: u64) -> Self {
        let mut pieces = Vec::new();
        while pieces.iter().sum::<u64>() < bytes {
            pieces.push(1 + below(LARGEST) as u64);
        }
        let mut plan = Self::of(pieces);
        plan.overflow = Some(below(2));
        plan
    }

    /// One that comes to its end.
    pub(super) fn sound() -> Self {
        Self::of((0..below(5)).map(|_| 1 + below(3_000) as u64).collect())
    }

    /// One that sends nothing more after a while.
    pub(super) fn silent() -> Self {
        let mut plan = Self::sound();
        plan.overflow = plan.somewhere(6);
        plan.silent = true;
        plan
    }

    fn of(pieces: Vec<u64>) -> Self {
        Self {
            pieces,
            overflow: None,
            failure: None,
            panic: None,
            trailers: false,
            silent: false,
        }
    }

    fn somewhere(&self, often: usize) -> Option<usize> {
        one_in(often).then(|| below(self.pieces.len() + 1))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().sum()
    }
}

/// No piece is larger.
pub(super) const LARGEST: usize = 160 << 10;
