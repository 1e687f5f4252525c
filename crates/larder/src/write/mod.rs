//! Writes: what they changed is dropped before their response is released.

mod drive;
mod future;
mod layer;
mod pending;
mod rules;
mod service;

pub(crate) use self::drive::drive_unsafe;
pub use self::future::InvalidateFuture;
pub use self::layer::InvalidateLayer;
pub use self::service::InvalidateService;
