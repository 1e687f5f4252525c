//! Purges: what is to be dropped, and that it was.

mod carry_out;
mod elsewhere;
mod estimate;
mod from;
mod purge_error;
mod receipt;
mod told;
mod what;

pub use self::elsewhere::NotEverywhere;
pub(crate) use self::elsewhere::recorded;
pub use self::estimate::Estimate;
pub use self::purge_error::PurgeError;
pub use self::receipt::Receipt;
pub use self::what::Purge;
