//! Support for the benches: requests and handlers to measure with, and a harness that interleaves
//! what it compares.

mod fixture;
mod report;
mod rounds;

pub use fixture::{
    Response, STREAMED, bytes_of, direct, handler, handler_response, poll_once, read, request,
    requests, routed, streamed,
};
pub use report::{first_line, machine, median, versions, write};
pub use rounds::{Case, Rounds, Times, timed, watch};
