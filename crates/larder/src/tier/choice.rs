//! [`MemoryEngine`]: which engine a cache has.

/// What says which stored responses are kept in memory when there are too many of them; see
/// [`CacheBuilder::memory_engine`](crate::CacheBuilder::memory_engine).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MemoryEngine {
    /// What is read least for the bytes that it takes goes first (`GreedyDual-Size` with frequency,
    /// Cherkasova, HPL-98-69). A read writes next to nothing, what is counted never exceeds
    /// [`max_bytes`](crate::CacheBuilder::max_bytes), and what is stored takes its place at once; who
    /// stores waits for one lock. The default.
    #[default]
    GreedyDual,
    /// [Moka](https://docs.rs/moka): what is read least goes first, and what is new is refused where
    /// what it would displace is read more (`TinyLFU`). It is told of one read of eight. It settles
    /// its books in batches, so the memory can be exceeded for moments, and each entry takes about
    /// 200 to 300 bytes more.
    Moka,
}
