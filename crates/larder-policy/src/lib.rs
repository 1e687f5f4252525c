//! What HTTP says about caching (RFC 9111 and its extensions), as pure functions.
//!
//! Values in, one enum out: no async, no clock, no lock, no body. A driver asks [`Policy`] five
//! questions and carries the answers out.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use http::{HeaderMap, Method, StatusCode, Uri};
//! use larder_policy::{Admission, Decision, Exchange, Lookup, Policy, RequestHead};
//!
//! let policy = Policy::shared();
//! let (method, uri, headers) = (Method::GET, Uri::from_static("/news"), HeaderMap::new());
//! let request = RequestHead::new(&method, &uri, &headers, false);
//!
//! // 1. May the cache take part?
//! let Lookup::Use(class) = policy.lookup(&request) else { panic!("a plain GET takes part") };
//!
//! // 3. Keep this response?
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let times = Exchange { request_time: now, response_time: now };
//! let mut response = HeaderMap::new();
//! response.insert("cache-control", "max-age=60".parse().unwrap());
//! let admission = policy.admit(class, &request, StatusCode::OK, &response, times);
//! let Admission::Store(stored) = admission else { panic!("max-age makes it storable") };
//!
//! // 2. What to do with what was found, 10 and 70 seconds later?
//! let later = |seconds| now + Duration::from_secs(seconds);
//! assert!(matches!(policy.decide(&request, &stored, later(10)), Decision::Serve(_)));
//! assert!(matches!(policy.decide(&request, &stored, later(70)), Decision::Validate(_)));
//! ```
//!
//! # Where each rule lives
//!
//! | RFC | file |
//! |---|---|
//! | 9111 section 2 (keys) | `key/primary.rs`, `key/target.rs`, `key/partition.rs` |
//! | 9111 section 3 (storing) | `admission.rs`, `status.rs`, `assembly.rs` |
//! | 9111 section 4, 4.2.4 (reuse, stale use) | `lookup.rs`, `decision.rs` |
//! | 9111 section 4.1 (Vary) | `key/vary.rs`, `key/normalise.rs` |
//! | declared inputs, narrowed requests | `key/declared.rs`, `key/narrow.rs`, `narrowing.rs` |
//! | inputs that a key has not, shadow requests | `key/leftover.rs`, `shadow.rs` |
//! | 9111 section 4.2 (freshness, age) | `freshness.rs` |
//! | 9111 section 4.3, 3.2 (validation, freshening) | `validation.rs` |
//! | 9111 section 4.3.1 (validation without a client) | `background.rs` |
//! | 9111 section 4.4, 9875 (invalidation, groups) | `invalidation.rs`, `fields/cache_groups.rs` |
//! | stored heads as bytes, for stores outside | `wire/` |
//! | tags in fields, lifetimes of single responses | `fields/tags.rs`, `refinement.rs`, `refined.rs` |
//! | 9111 section 5 (fields) | `fields/cache_control.rs`, `fields/time.rs` |
//! | 9110 sections 13 to 15 (304, 206, 416) | `answer.rs`, `fields/range.rs`, `fields/entity_tag.rs` |
//! | 9110 section 12.5, 4647 (negotiated inputs) | `key/language.rs`, `key/coding.rs` |
//! | 9211 (Cache-Status) | `fields/cache_status.rs`, `fields/handled.rs`, `reason.rs` |
//! | 9213 (targeted fields) | `fields/targeted.rs` |
//! | 10008 (QUERY) | `key/query.rs` |

pub mod fields;
pub mod key;

mod admission;
mod answer;
mod assembly;
mod background;
mod decision;
mod freshness;
mod invalidation;
mod lines;
mod lookup;
mod nanos;
mod narrowing;
mod parting;
mod piece;
mod policy;
mod reason;
mod refined;
mod refinement;
mod request;
mod serving;
mod settings;
mod shadow;
mod status;
mod stored;
mod template;
mod told;
mod use_rules;
mod validation;
mod wire;

pub use admission::Admission;
pub use answer::{Answer, Representation};
pub use decision::Decision;
pub use invalidation::Invalidation;
pub use lookup::Lookup;
pub use nanos::{NanoTime, Nanos};
pub use narrowing::Undeclared;
pub use policy::{Mode, Policy, Scheme};
pub use reason::{BypassReason, SkipReason};
pub use refinement::Refinement;
pub use request::{Credentials, RequestHead};
pub use serving::Serving;
pub use stored::{Exchange, StoredHead};
pub use template::Template;
pub use validation::{Freshened, Validation};
pub use wire::{WireError, WireLimits};
