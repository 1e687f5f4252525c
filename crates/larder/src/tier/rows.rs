//! Rows of those that have about the same credit, each in the order in which they came.

use std::sync::Arc;

use slab::Slab;

use crate::tier::held::{Held, Weighed};

/// Rows, two for each doubling of the credit.
#[derive(Debug)]
pub(crate) struct Rows(Box<[Row; ROWS]>);

#[derive(Debug, Clone, Copy)]
struct Row {
    newest: u32,
    oldest: u32,
    /// When the oldest is to go.
    due: u64,
}

/// What stands in a row.
#[derive(Debug)]
pub(crate) struct Node<V: Weighed> {
    pub(crate) held: Arc<Held<V>>,
    pub(crate) links: Links,
    pub(crate) weight: u32,
    pub(crate) worth: u8,
    pub(crate) row: u8,
}

/// Where a node stands.
#[derive(Debug)]
pub(crate) struct Links {
    newer: u32,
    older: u32,
    due: u64,
}

impl Rows {
    /// Who is to go next, and at what level.
    pub(crate) fn next(&self) -> Option<(u32, u64)> {
        let taken = self.0.iter().filter(|row| row.oldest != NONE);
        let row = taken.min_by_key(|row| row.due)?;
        Some((row.oldest, row.due))
    }

    pub(crate) fn link<V: Weighed>(
        &mut self,
        nodes: &mut Slab<Node<V>>,
        place: u32,
        credit: u64,
        level: u64,
    ) {
        let (row, credit) = rounded(credit);
        let due = level.saturating_add(credit);
        let Some(line) = self.0.get_mut(usize::from(row)) else {
            return;
        };
        let older = std::mem::replace(&mut line.newest, place);
        if older == NONE {
            (line.oldest, line.due) = (place, due);
        }
        if let Some(node) = nodes.get_mut(older as usize) {
            node.links.newer = place;
        }
        if let Some(node) = nodes.get_mut(place as usize) {
            node.row = row;
            node.links = Links {
                newer: NONE,
                older,
                due,
            };
        }
    }

    pub(crate) fn unlink<V: Weighed>(&mut self, nodes: &mut Slab<Node<V>>, place: u32) {
        let Some(node) = nodes.get(place as usize) else {
            return;
        };
        let Links { newer, older, .. } = node.links;
        let Some(line) = self.0.get_mut(usize::from(node.row)) else {
            return;
        };
        if let Some(node) = nodes.get_mut(older as usize) {
            node.links.newer = newer;
        }
        if let Some(node) = nodes.get_mut(newer as usize) {
            node.links.older = older;
            if older == NONE {
                (line.oldest, line.due) = (newer, node.links.due);
            }
        } else if older == NONE {
            *line = Row::EMPTY;
        } else {
            line.newest = older;
        }
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self(Box::new([Row::EMPTY; ROWS]))
    }
}

impl Default for Links {
    fn default() -> Self {
        Self {
            newer: NONE,
            older: NONE,
            due: 0,
        }
    }
}

impl Row {
    const EMPTY: Self = Self {
        newest: NONE,
        oldest: NONE,
        due: 0,
    };
}

/// The row of a credit, and what credit all of that row have.
fn rounded(credit: u64) -> (u8, u64) {
    let credit = credit.clamp(2, MAX_CREDIT);
    let doublings = credit.ilog2();
    let half = credit >> (doublings - 1);
    let row = 2 * u64::from(doublings) + half % 2;
    (
        u8::try_from(row).unwrap_or(u8::MAX),
        half << (doublings - 1),
    )
}

const ROWS: usize = 80;
/// In the last row.
const MAX_CREDIT: u64 = (1 << 40) - 1;
const NONE: u32 = u32::MAX;
pub(crate) const NO_ROW: u8 = u8::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_rounded_down_by_less_than_half_and_never_out_of_the_rows() {
        for credit in (2..1000)
            .chain((0..64).map(|bits| 1 << bits))
            .chain([u64::MAX])
        {
            let (row, rounded) = rounded(credit);
            assert!(usize::from(row) < ROWS);
            let credit = credit.clamp(2, MAX_CREDIT);
            assert!(rounded <= credit && credit < rounded + rounded.div_ceil(2));
        }
    }
}
