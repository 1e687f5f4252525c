//! Fields of one connection, which end at a hop (RFC 9110 section 7.6.1).

use http::HeaderMap;
use http::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};

/// Removes `Connection`, every field it names, and the fields that need no naming.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        // Without it the request has another target.
        .filter(|name| *name != HOST)
        .collect();
    for name in named.iter().chain(&CONNECTION_FIELDS) {
        headers.remove(name);
    }
}

/// Likewise for a request. Credentials for a proxy are not for the origin. The client's willingness
/// to take trailers survives, since we relay them.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    let takes_trailers = headers
        .get_all(TE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"));
    strip(headers);
    headers.remove(PROXY_AUTHORIZATION);
    headers.remove(TE);
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

const CONNECTION_FIELDS: [HeaderName; 5] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(n, v): &(&'static str, &'static str)| {
            (HeaderName::from_static(n), HeaderValue::from_static(v))
        };
        fields.iter().map(pair).collect()
    }

    #[test]
    fn connection_and_the_fields_it_names_go() {
        let mut headers = map(&[
            ("connection", "close, X-Secret"),
            ("connection", "host"),
            ("host", "example.com"),
            ("keep-alive", "timeout=5"),
            ("x-secret", "1"),
            ("x-other", "2"),
        ]);
        strip(&mut headers);
        assert_eq!(headers, map(&[("host", "example.com"), ("x-other", "2")]));
    }

    #[test]
    fn of_te_only_trailers_survives() {
        let mut headers = map(&[("te", "gzip;q=0.5, trailers"), ("connection", "te")]);
        strip_request(&mut headers);
        assert_eq!(headers, map(&[("te", "trailers"), ("connection", "te")]));
        let mut headers = map(&[("te", "gzip"), ("proxy-authorization", "Basic eA==")]);
        strip_request(&mut headers);
        assert!(headers.is_empty());
    }
}
