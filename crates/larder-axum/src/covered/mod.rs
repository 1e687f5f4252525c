//! Compile-time cover: handlers whose arguments read only what the key of their route has.

mod caller;
mod declared_field;
mod declared_query;
mod handler;
mod key_input;
mod policy;
mod whose;

pub use caller::{Caller, CallerRoles, KeyedExtension};
pub use declared_field::{DeclaredCookie, DeclaredHeader, KeyedCookie, KeyedHeader};
pub use declared_query::{DeclaredQuery, KeyedQuery};
pub use handler::{CachedHandler, Covered, cached_handler};
pub use key_input::KeyInput;
pub use policy::CoveredPolicy;
pub use whose::{PerRoles, PerTenant, PerUser, Shared, Whose};
