//! `Via`: through which proxies a message has come (RFC 9110 section 7.6.3).

use http::header::{HeaderValue, InvalidHeaderValue, VIA};
use http::{HeaderMap, Version};

/// What this proxy adds, written once.
pub(crate) struct Via {
    name: String,
    /// Received in HTTP/1.0, 1.1 and 2; nothing is added under a name that no field can hold.
    hops: Option<[HeaderValue; 3]>,
}

impl Via {
    pub(crate) fn new(name: String) -> Self {
        let hops = || {
            let hop = |version| HeaderValue::try_from(format!("{version} {name}"));
            Ok::<_, InvalidHeaderValue>([hop("1.0")?, hop("1.1")?, hop("2.0")?])
        };
        let hops = hops().ok();
        Self { name, hops }
    }

    /// It names us already: the request has come round.
    pub(crate) fn passed_here(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(VIA)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .filter_map(|hop| {
                hop.split(u8::is_ascii_whitespace)
                    .filter(|w| !w.is_empty())
                    .nth(1)
            })
            .any(|by| by.eq_ignore_ascii_case(self.name.as_bytes()))
    }

    pub(crate) fn add(&self, headers: &mut HeaderMap, received: Version) {
        let Some([http_10, http_11, http_2]) = &self.hops else {
            return;
        };
        let hop = match received {
            Version::HTTP_10 => http_10,
            Version::HTTP_2 => http_2,
            _ => http_11,
        };
        headers.append(VIA, hop.clone());
    }
}
