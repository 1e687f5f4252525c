//! [`Filter`]: most names were not purged lately, and this tells so without a search.

use crate::shim::{AtomicU64, FILTER_CELLS, Ordering};

/// The position of the last purge of any name that falls into a cell.
#[derive(Debug)]
pub(super) struct Filter {
    cells: Box<[AtomicU64]>,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self {
            cells: (0..FILTER_CELLS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn cell(&self, hash: u64) -> Option<&AtomicU64> {
        let at = usize::try_from(hash).unwrap_or_default() % FILTER_CELLS;
        self.cells.get(at)
    }

    /// A name is purged. Published with the position.
    pub(super) fn add(&self, hash: u64, position: u64) {
        if let Some(cell) = self.cell(hash) {
            cell.store(position, Ordering::Relaxed);
        }
    }

    /// It surely was not purged after a position.
    pub(super) fn spares(&self, hash: u64, position: u64) -> bool {
        let cell = self.cell(hash);
        cell.is_some_and(|cell| cell.load(Ordering::Relaxed) <= position)
    }
}
