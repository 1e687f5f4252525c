//! Against a server that says what no memcached says. Nothing may panic, and nobody may get another
//! key's value.

mod meanwhile;
mod script;
mod words;
