//! Behaviour through `tower::ServiceExt::oneshot`, a module a subject.

mod bodies;
mod lengths;
mod thin;
