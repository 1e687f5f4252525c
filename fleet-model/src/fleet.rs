//! The core's own files of the same names.

#[path = "../../crates/larder/src/fleet/course.rs"]
pub(crate) mod course;
#[path = "../../crates/larder/src/fleet/order.rs"]
pub(crate) mod order;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "nobody waits for an acknowledgement here")
)]
#[path = "../../crates/larder/src/fleet/outbox/mod.rs"]
pub(crate) mod outbox;
#[path = "../../crates/larder/src/fleet/record.rs"]
pub(crate) mod record;
#[path = "../../crates/larder/src/fleet/trust.rs"]
pub(crate) mod trust;
