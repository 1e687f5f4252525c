//! Behaviour through `tower::ServiceExt::oneshot`, a module a subject.

mod age;
mod answering;
mod bodies;
mod cache_status;
mod etag;
mod freshness;
mod head;
mod invalidation;
mod keys;
mod lengths;
mod partition;
mod races;
mod ranges;
mod readiness;
mod request_directives;
mod stale;
mod stored_fields;
mod storing;
mod storing_directives;
mod targeted;
mod thin;
mod validation;
mod validation_results;
mod vary;
