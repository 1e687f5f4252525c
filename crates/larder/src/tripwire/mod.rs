//! The tripwire: strings that give a caller away, looked for in what is about to be shared.
//!
//! A response that names the one who asked for it is not for others, whatever its fields say. It is
//! searched while it streams past, and not stored where one of the strings turns up.

mod caller;
mod escape;
mod identity;
mod matcher;
mod scanner;
mod unescape;
mod watch;

pub(crate) use caller::Caller;
pub use identity::IdentityStrings;
pub(crate) use identity::Tripwire;
pub(crate) use watch::Watch;
