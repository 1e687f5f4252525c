//! What a cache does with a shared store.

#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "nothing asks a shared store yet")
)]
pub(crate) mod frame;
