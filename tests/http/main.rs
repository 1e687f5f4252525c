//! Behaviour through `tower::ServiceExt::oneshot`, a module a subject.

mod answering;
mod bodies;
mod lengths;
mod age;
mod bodies;
mod freshness;
mod keys;
mod stored_fields;
mod storing;
mod storing_directives;
mod ranges;
mod targeted;
mod thin;
