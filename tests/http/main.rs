//! Behaviour through `tower::ServiceExt::oneshot`, a module a subject.

mod thin;
