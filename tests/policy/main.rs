//! The whole policy against a second, naive one.

mod agree;
mod background;
mod date_values;
mod dates;
mod declared_keys;
mod dictionary;
mod dictionary_values;
mod generate;
mod keys;
mod messages;
mod metamorphic;
mod naive;
mod selecting;
mod values;
mod windows;
mod wording;
