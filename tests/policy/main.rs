//! The whole policy against a second, naive one.

mod agree;
mod dates;
mod dictionary;
mod generate;
mod keys;
mod metamorphic;
mod naive;
