//! Primary keys, partitions and selecting header fields (RFC 9111 sections 2 and 4.1).
//!
//! A stored response is found in two steps. The **primary key** is the encoding of the parts that
//! every request has: method class, target URI, partition and whatever the operator added
//! ([`KeyParts`]). Responses under one primary key are told apart by their **selecting header
//! fields**, those that `Vary` names ([`Vary`], [`Selection`]).
//!
//! ```
//! use http::{HeaderValue, Uri};
//! use larder_policy::key::{KeyBuf, KeyParts, MethodClass, Partition, Target};
//!
//! let uri = Uri::from_static("/orders?page=2");
//! let host = HeaderValue::from_static("Shop.example:443");
//! let target = Target::from_request(&uri, Some(&host), Some("https"))?;
//! let partition = Partition::of("user", b"7")?;
//!
//! let mut key = KeyBuf::new();
//! KeyParts::new(MethodClass::Get, &target).partition(&partition).encode_into(&mut key);
//! assert_eq!(target.host(), Some("Shop.example"));
//! assert_eq!(target.port(), None);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod bytes;
mod coding;
mod cookies;
mod covers;
mod declared;
mod encode;
mod flag;
mod input;
mod inputs;
mod key_error;
mod language;
mod leftover;
mod merge;
mod narrow;
mod normalise;
mod normaliser;
mod part;
mod partition;
mod parts;
mod primary;
mod query;
mod query_rule;
mod target;
mod unkeyed;
mod vary;
mod weighted;

pub use bytes::{KeyBuf, QueryBuf, StackBytes};
pub use cookies::cookie;
pub use declared::Key;
pub use input::{Input, InputKind};
pub use inputs::{KeyInput, inputs_of};
pub use key_error::KeyError;
pub(crate) use leftover::{for_each_cookie, is_always_neutral};
pub use leftover::{remove_cookie, without_parameter};
pub(crate) use narrow::Passing;
pub use part::{KeyPart, PartWriter, RoleSet};
pub use partition::{EmptyIdentity, Partition};
pub use primary::{KeyParts, MethodClass};
pub use query::{MissingContentType, QueryContent};
pub(crate) use target::without_default_port;
pub use target::{Target, TargetError};
pub use unkeyed::is_unkeyed_input;
pub use vary::{Selection, Vary};
