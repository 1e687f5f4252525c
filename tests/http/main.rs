//! Behaviour through `tower::ServiceExt::oneshot`, a module a subject.

mod answering;
mod bodies;
mod lengths;
mod age;
mod bodies;
mod freshness;
mod stored_fields;
mod storing;
mod storing_directives;
mod ranges;
mod thin;
