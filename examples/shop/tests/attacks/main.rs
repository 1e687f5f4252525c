//! Attacks on the shop over a real socket, each named for what it fails to do. Requests are raw
//! bytes: a client library would refuse to send some of them.
//!
//! Routes under `/legacy` have nothing but the defaults; the others declare their inputs. Where an
//! attack gets something harmful for the attacker, the test checks that it does, for otherwise it
//! would show nothing.

mod cookies;
mod errors;
mod forms;
mod hosts;
mod identities;
mod methods;
mod parameters;
mod paths;
mod wire;
