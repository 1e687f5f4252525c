//! Behaviour through `tower::ServiceExt::oneshot`, a module a subject.

mod bodies;
mod lengths;
mod stored_fields;
mod storing;
mod storing_directives;
mod thin;
