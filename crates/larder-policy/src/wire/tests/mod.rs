//! Stored heads, and what their bytes say.

mod case;
mod refused;
mod round_trip;
mod times;

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use self::case::Case;
use super::*;
use crate::{Policy, StoredHead};

fn encoded(head: &StoredHead) -> Vec<u8> {
    let mut bytes = Vec::new();
    head.encode(0, &mut bytes);
    bytes
}

fn decoded(bytes: impl Into<Bytes>, now: SystemTime) -> Result<StoredHead, WireError> {
    StoredHead::decode(&bytes.into(), LIMITS, 0, now)
}

fn plain() -> StoredHead {
    with(
        Policy::shared().with_route_lifetime(Duration::from_secs(60)),
        &[],
    )
}

fn with(policy: Policy, response: &[(&'static str, &str)]) -> StoredHead {
    let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    let case = Case {
        request: vec![("accept", "a, b".to_owned())],
        response: response.iter().map(owned).collect(),
        received: NOON,
        took: Duration::ZERO,
        policy,
        invalidated: false,
    };
    case.stored().unwrap()
}

const LIMITS: WireLimits = WireLimits {
    bytes: 1 << 20,
    lines: 1000,
};

const NOON: SystemTime = SystemTime::UNIX_EPOCH;
