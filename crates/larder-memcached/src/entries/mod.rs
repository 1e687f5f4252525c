//! Values and leases.
//!
//! # Why a lease is an item of its own
//!
//! Memcached has leases of its own: `mg k N30` gives one caller `W` where nothing is found, and others
//! `Z`; `mg k R30` and `md k I` do the same for what is about to expire or was invalidated. Nothing
//! there says who has it, so it could not be given back by its holder alone, nor be taken over from one
//! whose fill is known to be too old, and those who wait would not learn that. So a lease is an item beside
//! the value (`:l:`), made by `ms … ME`, which one of many callers gets, and changed only by the version
//! that was read. It names its holder and the position that its fill is born at. That it stands beside the
//! value serves what is stale too: one node of the fleet validates while all go on reading.
//!
//! # What is refused
//!
//! A value takes the place of what was read before, by version, or of nothing: so what is born later is
//! never overwritten by what was born earlier, whoever is faster. A value that was removed while it was
//! written stays removed. [`remove`] marks the lease that is out, so that its fill is refused although
//! nothing stands there; [`discard`] takes what it names and leaves the fill alone. One window is left, as
//! long as one exchange: a value that is written where nothing stands, by the holder of a lease, while it is
//! removed. The position that it was born at makes that harmless.

mod get;
mod lease;
mod put;

pub(crate) use self::get::get;
pub(crate) use self::put::{discard, put, release, remove};
