//! Stored responses for tests.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, Policy, RequestHead, StoredHead};

use crate::entry::{Birth, Entry};
use crate::names::Names;
use crate::sight::Sight;

/// Of a response with this field, fresh for a minute.
pub(crate) fn head(name: &str, value: &str) -> StoredHead {
    let (method, uri, none) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
    let request = RequestHead::new(&method, &uri, &none, false);
    let name: HeaderName = name.parse().unwrap();
    let response = HeaderMap::from_iter([(name, value.parse().unwrap())]);
    let times = Exchange {
        request_time: now(),
        response_time: now(),
    };
    let policy = Policy::shared().with_route_lifetime(Duration::from_secs(60));
    let admission = policy.admit(MethodClass::Get, &request, StatusCode::OK, &response, times);
    let Admission::Store(head) = admission else {
        panic!("the route gives it a lifetime")
    };
    *head
}

/// Of a fill that began there in the order of purges.
pub(crate) fn entry(body: Bytes, position: u64) -> Entry {
    let birth = Birth {
        position,
        names: Names::of_request(&[]),
        time: now(),
        sight: Sight::default(),
    };
    Entry::new(head("server", "a"), body, birth, Duration::ZERO)
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}
