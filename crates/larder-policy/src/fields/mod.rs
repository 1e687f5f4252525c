//! Typed header fields: parsed at the edge, written at the edge.
//!
//! Parsing takes bytes and never fails: text that breaks the rules has a stated meaning, most often
//! the one that keeps the cache from reusing what it should not.
//!
//! ```
//! use std::time::Duration;
//!
//! use http::HeaderMap;
//! use http::header::CACHE_CONTROL;
//! use larder_policy::fields::{CacheControl, ResponseDirectives};
//!
//! let control: CacheControl = CacheControl::public().max_age(Duration::from_secs(60)).into();
//! let mut headers = HeaderMap::new();
//! headers.insert(CACHE_CONTROL, control.header_value());
//!
//! let directives = ResponseDirectives::from_headers(&headers);
//! assert!(directives.public());
//! assert_eq!(directives.max_age().map(|lifetime| lifetime.as_secs()), Some(60));
//! ```

mod cache_control;
mod cache_groups;
mod cache_status;
mod directive;
mod emission;
mod entity_tag;
mod handled;
mod list;
mod range;
mod request_directives;
mod tags;
mod targeted;
mod time;
mod value;

pub use cache_control::{FieldNames, ResponseDirectives};
pub(crate) use cache_groups::CACHE_GROUPS;
pub use cache_groups::{cache_groups, invalidated_groups};
pub use cache_status::{CacheName, CacheStatus, ForwardReason, InvalidCacheName, strip_member};
pub use emission::{
    CacheControl, CacheControlBuilder, MaybeStale, NeverStale, PrivateResponse, PublicResponse,
    WithLifetime,
};
pub use entity_tag::EntityTag;
pub(crate) use entity_tag::{if_none_match, single_entity_tag};
pub use handled::Handled;
pub(crate) use list::{is_token, split_list, trim_ows};
pub use range::{ByteRange, RangeRequest, parse_range};
pub(crate) use range::{content_range, unsatisfied_range};
pub use request_directives::{MaxStale, RequestDirectives};
pub use tags::{MAX_TAG_BYTES, MAX_TAGS, MAX_TAGS_BYTES, TagFields, TagSeparator, usable_tags};
pub use targeted::{PolicyField, select};
pub(crate) use time::{DateField, age_field, date_field, date_of};
pub use time::{DeltaSeconds, http_date, parse_http_date};
pub(crate) use value::{copy_values, number_value};
