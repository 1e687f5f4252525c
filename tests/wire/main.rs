//! Over real sockets: axum and bare hyper, HTTP/1.1 and HTTP/2 without TLS.

mod concurrent;
mod conditional;
mod extensions;
mod fields;
mod head;
mod invalidation;
mod leaving;
mod lengths;
mod net;
mod passing;
mod streaming;
